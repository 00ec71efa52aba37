"""One picture of a run, and one use of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from dataprep.buckets import Bucket
from dataprep.report import Issue
from train.text.rules import CaptionRules


@dataclass(frozen=True, slots=True)
class Augment:
    """How a picture is varied at each use."""

    flip: bool = False
    color: bool = False
    random_crop: bool = False

    @property
    def is_live(self) -> bool:
        """Its latents cannot be kept: each use looks different."""
        return self.color or self.random_crop


@dataclass(frozen=True, slots=True)
class Item:
    """One picture with its caption, repeats and bucket."""

    name: str
    """Folder and file with a forward slash: the identity for every draw."""
    path: Path
    caption: str
    """Its first line; with ``rules.enable_wildcard`` the whole text."""
    repeats: int
    bucket: Bucket
    size: tuple[int, int] = (0, 0)
    """Width and height of the picture itself, upright (pixels)."""
    is_reg: bool = False
    rules: CaptionRules = field(default_factory=CaptionRules)
    augment: Augment = field(default_factory=Augment)
    mask: Path | None = None
    """A picture of what counts, light where it does."""
    alpha_mask: bool = False
    """The alpha channel says what counts."""


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a picture in an epoch."""

    item: Item
    repeat: int


@dataclass(frozen=True, slots=True)
class Dataset:
    """What was found, and what was wrong with the rest."""

    items: tuple[Item, ...]
    issues: tuple[Issue, ...] = ()

    @property
    def folders(self) -> dict[str, list[Item]]:
        """The items by folder name."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            found.setdefault(item.name.rsplit("/", 1)[0], []).append(item)
        return found
