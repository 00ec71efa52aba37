"""Our word lists: which group a tag belongs to, what says what, what contradicts what."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from fnmatch import translate
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from dataprep.captions import KAOMOJI, tag_key

Kind = Literal["stays", "style", "trait", "clothing"]


JOKERS = frozenset("*?")


class Group(NamedTuple):
    """What a tag is about."""

    kind: Kind
    name: str


@lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """The file ``words.toml``; it says itself how it is read."""
    text = files("dataprep.pruning").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=1 << 16)
def group(key: str) -> Group | None:
    """The group of a tag, by ``tag_key``; None: no list of ours knows it.

    A name wins over a pattern, an earlier group over a later one.
    """
    named, matching = _lookup()
    if key in named:
        return named[key]
    return next((found for regex, found in matching if regex.fullmatch(key)), None)


@lru_cache(maxsize=1)
def _lookup() -> tuple[dict[str, Group], list[tuple[re.Pattern[str], Group]]]:
    named: dict[str, Group] = {}
    matching: list[tuple[re.Pattern[str], Group]] = []
    for row in table()["group"]:
        found = Group(row["kind"], row["name"])
        nouns = row.get("nouns", [])
        jokers = [f"* {noun}" for noun in nouns]
        exact = [*row.get("exact", []), *nouns, *(KAOMOJI if row.get("faces") else ())]
        for tag in row.get("tags", []):
            (exact if JOKERS.isdisjoint(tag) else jokers).append(tag)
        for tag in exact:
            named.setdefault(tag_key(tag), found)
        if jokers:
            matching.append((any_of(jokers), found))
    return named, matching


def any_of(texts: Iterable[str]) -> re.Pattern[str]:
    """One expression for several patterns with ``*`` and ``?``; for ``fullmatch`` of a key."""
    return re.compile("|".join(translate(tag_key(text)) for text in texts))
