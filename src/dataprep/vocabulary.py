"""What a tagger can say: its tags, of which category each is, how common it is. Pure."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Category = Literal[
    "general",
    "character",
    "copyright",
    "artist",
    "meta",
    "rating",
    "quality",
    "species",
    "lore",
    "model",
    "year",
]
CATEGORIES: tuple[Category, ...] = get_args(Category)
"""Every category, in the order in which a caption may be sorted by category."""


class Entry(NamedTuple):
    """One tag of a vocabulary."""

    tag: str
    """As its makers spell it, underscores and all."""
    category: Category
    pictures: int = 0
    """Pictures that carry it on the site it was learned from; 0 where that is not known."""
