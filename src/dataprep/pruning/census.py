"""How often the tags of a set of captions stand in it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dataprep.captions import SEPARATOR, tag_key
from dataprep.pruning.words import table


@dataclass(frozen=True, slots=True)
class Census:
    """Counts over captions, by ``tag_key``."""

    captions: int
    """How many there are, also without any tag."""
    counts: Mapping[str, int]
    """In how many captions each tag stands, in order of first sight."""
    alone: Mapping[str, int]
    """The same, only captions of which a tag says that somebody is alone."""
    spelling: Mapping[str, str]
    """A tag as the first caption spells it."""

    def share(self, key: str) -> float:
        """The share of the captions that have a tag, 0..1."""
        return self.counts.get(key, 0) / self.captions if self.captions else 0.0

    @property
    def knows_alone(self) -> bool:
        """Whether any caption says that somebody is alone."""
        return any(self.alone.values())


def census(captions: Iterable[Sequence[str]], skip: Iterable[str] = ()) -> Census:
    """Count tags; ``skip`` (a trigger word) and ``|||`` are not counted."""
    skipped = {tag_key(tag) for tag in (*skip, SEPARATOR)}
    singly = {tag_key(tag) for tag in table()["clash"]["alone"]}
    counts: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    total = 0
    for tags in captions:
        keys = [tag_key(tag) for tag in tags]
        for key, tag in zip(keys, tags, strict=True):
            spelling.setdefault(key, tag)
        found = [key for key in dict.fromkeys(keys) if key not in skipped]
        total += 1
        counts.update(found)
        if not singly.isdisjoint(found):
            alone.update(found)
    return Census(total, counts, alone, spelling)
