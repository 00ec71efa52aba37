"""Which tags say what others say already, and which contradict each other. Pure.

Only whole words count: "blonde hair" says "hair", "chair" does not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from dataprep.captions import tag_key
from dataprep.pruning.words import any_of, table


@lru_cache(maxsize=1 << 16)
def says(key: str) -> frozenset[str]:
    """What a tag says besides itself, by ``tag_key``: its last words, and what our list knows."""
    found = {other for regex, other in _irregular() if regex.fullmatch(key)}
    if "(" not in key:
        words = key.split(" ")
        turned = _turned()
        for start in range(1, len(words)):
            if words[start - 1] in turned:
                break
            found.add(" ".join(words[start:]))
    return frozenset(found - {key})


def redundant(keys: Sequence[str]) -> dict[str, str]:
    """The tags of a caption that others of it say too, each with one that does."""
    there = set(keys)
    return {other: key for key in keys for other in says(key) & there}


@lru_cache(maxsize=1)
def _irregular() -> list[tuple[re.Pattern[str], str]]:
    return [(any_of(others), tag_key(tag)) for tag, others in table()["implied"].items()]


@lru_cache(maxsize=1)
def _turned() -> frozenset[str]:
    return frozenset(table()["turned"]["words"])


class Clash(NamedTuple):
    """Tags of a caption of which only one can be right."""

    name: str
    """Of what there are two, such as "eye colours"."""
    tags: tuple[str, ...]


def clashes(tags: Sequence[str]) -> list[Clash]:
    """What contradicts itself in a caption that says somebody is alone; else nothing."""
    keys = [tag_key(tag) for tag in tags]
    if _alone().isdisjoint(keys):
        return []
    found: dict[str, dict[int, str]] = {}
    for key, tag in zip(keys, tags, strict=True):
        if (one := value(key)) is not None:
            found.setdefault(one[0], {}).setdefault(one[1], tag)
    return [
        Clash(name, tuple(values.values()))
        for name, values in found.items()
        if len(values) > 1 and not any(_exempt(name).fullmatch(key) for key in keys)
    ]


@lru_cache(maxsize=1 << 16)
def value(key: str) -> tuple[str, int] | None:
    """Of what a tag is one value, and which; equal numbers go together. None: of nothing here."""
    rules = table()["clash"]
    for row in rules["sets"]:
        for number, same in enumerate(row["values"]):
            if key in same:
                return row["name"], number
    *words, noun = key.split(" ")
    while len(words) > 1 and words[0] in rules["shades"]:
        words = words[1:]
    for row in rules["coloured"]:
        if noun == row["noun"] and len(words) == 1:
            for number, same in enumerate(rules["colours"]):
                if words[0] in same:
                    return row["name"], number
    return None


@lru_cache(maxsize=1)
def _alone() -> frozenset[str]:
    return frozenset(table()["clash"]["alone"])


@lru_cache(maxsize=16)
def _exempt(name: str) -> re.Pattern[str]:
    """What makes two values right."""
    rules = table()["clash"]
    rows = (*rules["sets"], *rules["coloured"])
    own = next(row["exempt"] for row in rows if row["name"] == name)
    return any_of([*rules["exempt"], *own])
