"""Tags checked one by one, as settings of prune that mean the same. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from dataprep.pruning.patterns import all_meant, entries, entry, meant


class Choice(NamedTuple):
    """Two settings of ``prune``."""

    remove: list[str]
    keep: list[str]


def choice(
    remove: Sequence[str],
    keep: Sequence[str],
    spelling: Mapping[str, str],
    ruled: Collection[str],
    checked: Collection[str],
) -> Choice:
    """What ``remove`` and ``keep`` become so that exactly the checked tags go.

    What they say already stays as far as it agrees, for patterns are for pictures to come, too.
    ``spelling``: the tags of the captions by ``tag_key``; ``ruled``: those that other settings
    take, such as a preset.
    """
    keys = spelling.keys()
    going = set(checked) & keys
    listed = [text for text in remove if going.issuperset(meant(entry(text), keys))]
    kept = [text for text in keep if going.isdisjoint(meant(entry(text), keys))]
    named = all_meant(entries(listed), keys)
    safe = all_meant(entries(kept), keys)
    more = [spelling[key] for key in keys if key in going and key not in named]
    stay = [spelling[key] for key in keys if key in ruled and key not in going | safe.keys()]
    return Choice([*listed, *more], [*kept, *stay])
