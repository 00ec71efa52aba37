"""What a file says of the captions it was learned from. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from train.data.item import Item


def tag_frequency(captions: Sequence[str], separator: str = ",") -> dict[str, int]:
    """How many captions carry each tag, in their spelling, most frequent first."""
    tags = (
        tag
        for caption in captions
        for tag in {part.strip() for part in caption.split(separator)}
        if tag
    )
    counts = Counter(tags)
    return dict(sorted(counts.items(), key=lambda row: (-row[1], row[0])))


def folders(items: Iterable[Item]) -> dict[str, list[Item]]:
    """The items by the folder in their names."""
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.name.rpartition("/")[0], []).append(item)
    return found


def ar_error(items: Sequence[Item]) -> float | None:
    """How far pictures and buckets differ in width / height, on average over all uses (kohya's)."""
    known = [item for item in items if all(item.size)]
    uses = sum(item.repeats for item in known)
    if not uses:
        return None
    apart = sum(
        item.repeats * abs(item.bucket[0] / item.bucket[1] - item.size[0] / item.size[1])
        for item in known
    )
    return apart / uses
