"""What happens to one caption: other spellings, what goes, what is said twice, the trigger. Pure.

Built once for a run; each caption costs a look-up per tag. Order is kept, and a second pass over
its own result changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dataprep.captions import SEPARATOR, prune, tag_key
from dataprep.pruning.implications import redundant


@dataclass(slots=True)
class Cut:
    """The rules of a run, each resolved to tags by ``tag_key``, and what they took so far."""

    gone: Mapping[str, str]
    """What goes everywhere, with the reason."""
    keep: Iterable[str] = ()
    """Never goes."""
    trigger: str = ""
    """Comes first; empty: nothing does."""
    old_trigger: str = ""
    """Goes where another trigger takes its place."""
    low: Callable[[str, Sequence[str]], Iterable[str]] | None = None
    """Those tags of a picture whose score is too low, given its name and its tags' keys."""
    low_reason: str = ""
    respelled: Mapping[str, str] = field(default_factory=dict)
    """The spelling that is to stand for a tag, by the tag as it stands."""
    redundant: bool = False
    """Whether tags go that others beside them say."""
    taken: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many captions lost a tag, by key and reason."""

    def __post_init__(self) -> None:
        names = (SEPARATOR, self.trigger, self.old_trigger)
        self.keep = frozenset(self.keep) | {tag_key(name) for name in names if name}
        self.gone = {key: why for key, why in self.gone.items() if key not in self.keep}

    def tags(self, name: str, tags: Sequence[str]) -> list[str]:
        """The tags that a picture's caption has afterwards."""
        if self.respelled:
            tags = _once([self.respelled.get(tag, tag) for tag in tags])
        keys = [tag_key(tag) for tag in tags]
        reasons = {key: self.gone[key] for key in keys if key in self.gone}
        if self.low is not None:
            low = (key for key in self.low(name, keys) if key not in self.keep)
            reasons = {key: self.low_reason for key in low} | reasons
        if self.redundant:
            reasons |= self._said_twice([key for key in keys if key not in reasons])
        self.taken.update(reasons.items())
        kept = [tag for tag, key in zip(tags, keys, strict=True) if key not in reasons]
        replaced = tag_key(self.old_trigger) != tag_key(self.trigger)
        return prune(kept, [self.old_trigger] if replaced else [], self.trigger)

    def _said_twice(self, keys: Sequence[str]) -> dict[str, str]:
        # what the trigger's words say is no tag of the picture
        names = {tag_key(name) for name in (self.trigger, self.old_trigger) if name}
        found = redundant([key for key in keys if key not in names])
        return {key: "said by others too" for key in found if key not in self.keep}


def _once(tags: Sequence[str]) -> list[str]:
    """The first of each tag; ``|||`` each time it stands."""
    seen: set[str] = set()
    found = []
    for tag in tags:
        key = tag_key(tag)
        if key not in seen or tag == SEPARATOR:
            seen.add(key)
            found.append(tag)
    return found
