"""Findings about the pictures themselves: size, blur, light, borders, copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dataprep.buckets import Bucket, Target
from dataprep.check.findings import Hit
from dataprep.check.settings import Settings
from dataprep.decisions import Box, Crop
from dataprep.looks import Measures
from dataprep.store import Picture

SLIGHT = 1.05
"""A picture that is enlarged by less than this is no finding."""


def size_hits(
    picture: Picture, crop: Crop | None, target: Target, sizes: Sequence[Bucket], limit: float
) -> Iterator[Hit]:
    """Too small for the training, or too long; of a cropped picture its cut counts."""
    if crop is not None:
        left, top, right, bottom = crop.box
        width, height, (across, along) = right - left, bottom - top, (crop.width, crop.height)
    else:
        width, height = picture.width, picture.height
        across, along = target.choose(width, height, sizes)
    factor = max(across / width, along / height)
    if factor > SLIGHT:
        detail = f"{width}×{height}, enlarged {factor:.1f}× to fill {across}×{along}"
        yield Hit("too-small", picture.name, detail)
    ratio = max(width / height, height / width)
    if ratio > limit:
        yield Hit("extreme-aspect", picture.name, f"{width}×{height} is {ratio:.1f} to 1")


def light_hits(name: str, measures: Measures, settings: Settings) -> Iterator[Hit]:
    """Blurred, dark or flat.

    A picture that is flat is not said to be blurred, nor one that is dark to be flat.
    """
    is_flat = measures.contrast < settings.flat
    if measures.highlights < settings.dark:
        yield Hit("dark", name, f"95 % of it is darker than {measures.highlights + 1:.0f} of 255")
    elif is_flat:
        yield Hit("flat", name, f"contrast {measures.contrast:.1f} of 127")
    if not is_flat and measures.edge_width > settings.blur:
        yield Hit("blurred", name, f"its sharpest edges are {measures.edge_width:.1f} px wide")


def border_hits(picture: Picture, borders: Box, crop: Crop | None) -> Iterator[Hit]:
    """Letterbox bands at the left, top, right and bottom, unless they are cut off already."""
    if not any(borders):
        return
    left, top, right, bottom = borders
    if crop is not None:
        inner = (left, top, picture.width - right, picture.height - bottom)
        outside = (a < b for a, b in zip(crop.box[:2], inner[:2], strict=True))
        beyond = (a > b for a, b in zip(crop.box[2:], inner[2:], strict=True))
        if not any(outside) and not any(beyond):
            return
    detail = f"left {left}, top {top}, right {right}, bottom {bottom} px"
    yield Hit("borders", picture.name, detail)


def copy_hits(pictures: Iterable[Picture]) -> Iterator[Hit]:
    """Every picture whose file is byte for byte one that came before it."""
    first: dict[str, str] = {}
    for picture in pictures:
        original = first.setdefault(picture.sha, picture.name)
        if original != picture.name:
            yield Hit("duplicate", picture.name, f"the same file as {original}")
