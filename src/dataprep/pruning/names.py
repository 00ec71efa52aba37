"""The name of a concept as words, and the tags that say nearly the same. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from dataprep.captions import tag_key
from dataprep.pruning.words import table

SHORTEST = 3
"""A word with fewer letters says nothing by itself."""
MOST = 64
"""So many names by synonyms at most; a long name has thousands."""


def words_of(name: str) -> list[str]:
    """``LoveEyes``, ``love_eyes``, ``love-eyes 2`` -> love, eyes: lower-case, each once."""
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    found = re.findall(r"[^\W\d_]+", split)
    return list(dict.fromkeys(word.casefold() for word in found))


@dataclass(frozen=True, slots=True)
class Names:
    """Tags near a concept's name, by ``tag_key``, each with the reason."""

    exact: dict[str, str]
    """What the concept is called: goes at once."""
    near: dict[str, str]
    """What may be something else: goes when it is confirmed."""


def names(concept: str, keys: Iterable[str]) -> Names:
    """Which of the tags are the concept's own name, and which are near it."""
    all_words = words_of(concept)
    plain = frozenset(table()["synonyms"]["plain"])
    words = [word for word in all_words if word not in plain and len(word) >= SHORTEST]
    whole = {tag_key(concept), " ".join(all_words), "-".join(all_words), "".join(all_words)}
    synonymous = _synonymous(words)
    heads = {tail for word in words[-1:] for tail in (word, *_numbers(word))}
    singles = {other for word in words for other in _others(word)} - set(words)
    exact: dict[str, str] = {}
    near: dict[str, str] = {}
    for key in keys:
        if key in whole:
            exact[key] = "the concept's name"
        elif key in words:
            exact[key] = f"a word of '{concept}'"
        elif key in synonymous:
            exact[key] = f"says the same as '{concept}'"
        elif key in singles:
            near[key] = f"near a word of '{concept}'"
        elif (head := key.rpartition(" ")[2]) in heads and head != key:
            near[key] = f"'* {head}'"
    return Names(exact, near)


def _numbers(word: str) -> tuple[str, ...]:
    """The plural of a word, or its singular, as far as an s makes it."""
    if word.endswith("s") and not word.endswith("ss"):
        return (word[:-1],) if len(word) > SHORTEST else ()
    return (f"{word}s",)


def _others(word: str) -> list[str]:
    """The word's plural or singular, and words of ours that mean about the same."""
    found = [other for row in table()["synonyms"]["words"] if word in row for other in row]
    return [other for other in dict.fromkeys((*_numbers(word), *found)) if other != word]


def _synonymous(words: list[str]) -> set[str]:
    """The whole name with some of its words replaced; of one word there is no whole."""
    if len(words) < 2:
        return set()
    choices = product(*([word, *_others(word)] for word in words))
    return {" ".join(choice) for _, choice in zip(range(MOST), choices, strict=False)}
