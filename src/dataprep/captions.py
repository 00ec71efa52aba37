"""Captions as lists of tags: reading, writing, pruning, counting. Pure text.

A caption is one line of comma-separated tags. Two tags are the same when they differ only in
case or in underscore against space; the spelling in the file is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

KAOMOJI = frozenset(
    {"0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3"}
    | {"6_9", ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||"}
)
"""Tags whose underscore is part of the face (SmilingWolf's list of the WD taggers)."""


def split_tags(caption: str) -> list[str]:
    """The tags of a caption, in order, without blanks and repeats."""
    tags: dict[str, str] = {}
    for part in caption.replace("\r", "\n").replace("\n", ",").split(","):
        tag = " ".join(part.split())
        if tag:
            tags.setdefault(tag_key(tag), tag)
    return list(tags.values())


def join_tags(tags: Iterable[str]) -> str:
    """One caption line out of tags."""
    return ", ".join(tags)


def tag_key(tag: str) -> str:
    """What two spellings of one tag have in common."""
    folded = " ".join(tag.split()).casefold()
    return folded if folded in KAOMOJI else folded.replace("_", " ")


def spaced(booru_tag: str) -> str:
    """A booru tag as captions spell it: underscores to spaces, kaomoji kept."""
    return booru_tag if booru_tag in KAOMOJI else booru_tag.replace("_", " ")


def prune(tags: Sequence[str], remove: Iterable[str], trigger: str = "") -> list[str]:
    """Take the tags of ``remove`` out and put ``trigger`` first.

    Tags are compared whole, never by substring: removing ``bra`` keeps ``bracelet``. Running it
    again changes nothing.
    """
    gone = {tag_key(tag) for tag in remove}
    if trigger:
        gone.add(tag_key(trigger))
    kept = [tag for tag in tags if tag_key(tag) not in gone]
    return [trigger, *kept] if trigger else kept


def frequency(captions: Iterable[Sequence[str]]) -> list[tuple[str, int]]:
    """How many captions carry each tag: most frequent first, then by name."""
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for tags in captions:
        for tag in tags:
            counts[tag_key(tag)] += 1
            spelling.setdefault(tag_key(tag), tag)
    return sorted(
        ((spelling[key], count) for key, count in counts.items()),
        key=lambda row: (-row[1], row[0]),
    )
