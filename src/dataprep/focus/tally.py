"""What a training run makes of cuts: batches per bucket, and which pictures suffer. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dataprep.buckets import Bucket
from dataprep.decisions import Crop
from dataprep.focus.cut import enlargement, lost
from dataprep.focus.place import size_of
from dataprep.focus.summary import NOTICED
from dataprep.store import Picture

ON_PURPOSE = frozenset({"box", "face", "foreground"})
"""How cuts are found that leave out what they do because somebody or something looked."""
MUCH_LOST, MUCH_ENLARGED = 0.15, 1.25
"""From these on a picture is worth another cut."""


@dataclass(frozen=True, slots=True)
class Use:
    """One picture as it is trained on."""

    picture: Picture
    crop: Crop

    @property
    def bucket(self) -> Bucket:
        """Its size (pixels)."""
        return self.crop.width, self.crop.height

    @property
    def lost(self) -> float:
        """The share of its pixels that are left out, 0..1."""
        return lost(self.picture, self.crop)

    @property
    def enlarged(self) -> float:
        """By how much it is enlarged; at least 1."""
        factor = enlargement(self.crop)
        return factor if factor > NOTICED else 1.0

    @property
    def badness(self) -> float:
        """By what pictures that need another cut are ranked: loss, and doublings of size."""
        left_out = 0.0 if self.crop.mode in ON_PURPOSE else self.lost
        return left_out + math.log2(self.enlarged)

    @property
    def reasons(self) -> list[str]:
        """Why it is worth another cut; empty when it is not."""
        to = f"{self.crop.width}×{self.crop.height}"
        found = []
        if self.lost >= MUCH_LOST and self.crop.mode not in ON_PURPOSE:
            shape = f"{self.picture.width}×{self.picture.height} cut for {to}"
            found.append(f"loses {self.lost:.0%} ({shape})")
        if self.enlarged >= MUCH_ENLARGED:
            width, height = size_of(self.crop.box)
            found.append(f"is enlarged {self.enlarged:.2f}× (from {width}×{height} to {to})")
        return found


@dataclass(frozen=True, slots=True)
class Row:
    """One bucket of a run."""

    bucket: Bucket
    uses: tuple[Use, ...]
    batches: int
    last: int
    """How many pictures are in its last batch, where that is not full; else 0."""

    @property
    def lost(self) -> float:
        """The mean share of pixels lost in it, 0..1."""
        return mean_lost(self.uses)

    @property
    def enlarged(self) -> int:
        """How many of its pictures are enlarged."""
        return sum(use.enlarged > 1 for use in self.uses)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "width": self.bucket[0],
            "height": self.bucket[1],
            "pictures": len(self.uses),
            "batches": self.batches,
            "last": self.last,
            "pixels_lost": round(self.lost, 4),
            "enlarged": self.enlarged,
        }


def rows_of(uses: Iterable[Use], batch_size: int, repeats: int) -> list[Row]:
    """The buckets of one epoch, the fullest first; a batch never mixes buckets."""
    groups: dict[Bucket, list[Use]] = {}
    for use in uses:
        groups.setdefault(use.bucket, []).append(use)
    rows = [
        Row(
            bucket,
            tuple(group),
            math.ceil(len(group) * repeats / batch_size),
            len(group) * repeats % batch_size,
        )
        for bucket, group in groups.items()
    ]
    return sorted(rows, key=lambda row: (-len(row.uses), row.bucket))


def mean_lost(uses: Iterable[Use]) -> float:
    """The mean share of pixels lost, 0..1; 0 of none."""
    shares = [use.lost for use in uses]
    return sum(shares) / max(len(shares), 1)


def to_recrop(uses: Iterable[Use]) -> list[Use]:
    """The pictures worth another cut, the worst first."""
    return sorted(
        (use for use in uses if use.reasons), key=lambda use: (-use.badness, use.picture.name)
    )


def aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Lines of a table whose columns stand under each other, flush right."""
    widths = [max(len(cell) for cell in column) for column in zip(*table, strict=True)]
    return [
        "  " + "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in table
    ]
