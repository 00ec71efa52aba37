"""Settings that say which of a tagger's scores become tags; ``tag`` and ``retag`` share them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from dataprep.settings import Settings
from dataprep.taggers.choice import WRITTEN, Combine, Order, Rules
from dataprep.vocabulary import Category

FLOOR = 0.05
"""Scores from here on are remembered; thresholds can be moved down to it without a new run."""

Threshold = Annotated[float | None, Field(ge=FLOOR, le=1)]


class Choosing(Settings):
    """Thresholds are scores from which a tag is taken (0.05 to 1); without one the model's own."""

    general: Threshold = None
    """Score from which a general tag is taken; without it the model's own threshold."""
    character: Threshold = None
    """The same for character tags."""
    copyright: Threshold = None
    """The same for copyright tags (the series a character is from)."""
    artist: Threshold = None
    """The same for artist tags; they are written only when this is given."""
    meta: Threshold = None
    """The same for meta tags; they are written only when this is given."""
    off: tuple[Category, ...] = ()
    """Categories that are not written: "character, copyright"."""
    rating: bool = False
    """Write the likeliest rating, at the end."""
    quality: bool = False
    """Write the likeliest quality, where the model knows some, at the end."""
    mcut: bool = False
    """Take the scores above the largest gap between them instead of the model's thresholds;
    thresholds that are given stay the least."""
    max_tags: int = Field(default=0, ge=0)
    """At most so many tags, the likeliest; 0 takes all."""
    order: Order = "model"
    """Order of the tags: the model's own, alike in every picture, or by score, or by category."""
    combine: Combine = "union"
    """With several taggers: a tag that any, all, more than half or the mean of them gives."""
    undesired: tuple[str, ...] = ()
    """Tags that are never written; * and ? stand for anything."""
    underscores: bool = False
    """Write tags with underscores, as boorus do, and not with spaces."""
    escape: bool = False
    """Write a backslash before parentheses, for tools that read weights in them."""

    @property
    def rules(self) -> Rules:
        """The same for the choice."""
        given: Mapping[Category, float | None] = {
            "general": self.general,
            "character": self.character,
            "copyright": self.copyright,
            "artist": self.artist,
            "meta": self.meta,
        }
        single: tuple[Category, ...] = (
            *(("rating",) if self.rating else ()),
            *(("quality",) if self.quality else ()),
        )
        off = set(self.off)
        return Rules(
            {name: least for name, least in given.items() if least is not None and name not in off},
            tuple(name for name in (*WRITTEN, *single) if name not in off),
            self.mcut,
            self.max_tags,
            self.order,
            self.combine,
            self.undesired,
            self.underscores,
            self.escape,
        )
