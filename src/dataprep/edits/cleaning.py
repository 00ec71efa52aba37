"""Setting a caption's text to rights: separators, spaces, spelling, repeats."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from dataprep.captions import KAOMOJI, SEPARATOR, entries, escaped, join_tags, unescaped, unique
from dataprep.edits import FREE, Fixed

WIDE_COMMAS = "，、"
"""The full-width and the ideographic comma (U+FF0C, U+3001): no trainer splits at them."""
TO_COMMA = str.maketrans(dict.fromkeys(WIDE_COMMAS, ","))
NAMES = re.compile(r"(score_\d+(_up)?|(source|rating)_\w+|<.*>|.*__.*)", re.IGNORECASE)
"""Where an underscore is part of the name: Pony's quality tags, networks, wildcard files."""
SHORT = 3
"""A tag with an underscore and no more letters than this is a face."""
SENTENCE = frozenset({"a", "an", "the", "is", "are"})
LONG_WORDS = 6


@dataclass(frozen=True, slots=True)
class Cleaning:
    """What is set to rights besides spaces, blanks and repeats."""

    words: Literal["spaces", "underscores", "keep"] = "spaces"
    """What stands between the words of a tag."""
    parentheses: Literal["keep", "escape", "plain"] = "keep"
    lowercase: bool = False
    wide_commas: bool = True
    """Full-width commas separate like others."""


def cleaning(how: Cleaning, fixed: Fixed = FREE) -> Callable[[str], str]:
    """The function that sets a caption's text to rights; the result is one line.

    The trigger word, names and faces keep their spelling.
    """

    @cache
    def spelled(tag: str) -> str:
        return tag if _stays(tag, fixed) else _spelled(tag, how)

    def clean(caption: str) -> str:
        text = caption.translate(TO_COMMA) if how.wide_commas else caption
        return join_tags(unique(map(spelled, entries(text))))

    return clean


def has_wide_commas(caption: str) -> bool:
    """Whether tags stand between commas that do not separate."""
    return any(comma in caption for comma in WIDE_COMMAS)


def _stays(tag: str, fixed: Fixed) -> bool:
    face = tag.casefold() in KAOMOJI or ("_" in tag and len(tag) <= SHORT)
    return tag == SEPARATOR or face or fixed.is_trigger(tag) or bool(NAMES.fullmatch(tag))


def _spelled(tag: str, how: Cleaning) -> str:
    if how.words == "spaces":
        tag = " ".join(tag.replace("_", " ").split())
    elif how.words == "underscores" and not _is_sentence(tag):
        tag = tag.replace(" ", "_")
    if how.parentheses != "keep":
        tag = escaped(tag) if how.parentheses == "escape" else unescaped(tag)
    return tag.lower() if how.lowercase else tag


def _is_sentence(tag: str) -> bool:
    """Whether a tag reads like prose, whose words no underscore joins."""
    words = tag.casefold().split()
    says = len(words) > SHORT and not SENTENCE.isdisjoint(words)
    return says or len(words) > LONG_WORDS or tag.endswith(".")
