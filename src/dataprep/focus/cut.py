"""Cuts for a target: which size a part of a picture gets, and the box that goes with it. Pure."""

from __future__ import annotations

from dataclasses import replace

from dataprep.buckets import Bucket, Target
from dataprep.decisions import Box, Crop
from dataprep.drafts import MARGIN
from dataprep.focus.place import (
    Focus,
    area_of,
    centred,
    largest,
    placed,
    refitted,
    size_of,
    smallest,
    swollen,
)
from dataprep.store import Picture

FRACTIONS = (2, 4, 8)
"""A JPEG can be decoded at one pixel for so many, each way."""


class Cutter:
    """Makes the cuts of one target. ``bounds`` is what of a picture may be used, in its pixels."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._sizes = target.sizes()
        self._chosen: dict[tuple[int, int], Bucket] = {}

    def size(self, width: int, height: int) -> Bucket:
        """The size for so many pixels; pictures of one camera are asked about again and again."""
        asked = (width, height)
        if asked not in self._chosen:
            self._chosen[asked] = self.target.choose(width, height, self._sizes)
        return self._chosen[asked]

    def centred(self, bounds: Box) -> Crop:
        """The largest cut in the middle."""
        size = self.size(*size_of(bounds))
        return Crop(on_grid(centred(bounds, largest(bounds, size)), size), *size)

    def over(self, bounds: Box, focus: Focus, mode: str) -> Crop:
        """The largest cut, placed over a focus."""
        size = self.size(*size_of(bounds))
        return Crop(on_grid(placed(bounds, largest(bounds, size), focus), size), *size, mode)

    def close(self, bounds: Box, focus: Focus, mode: str) -> Crop:
        """The smallest cut that holds a focus and need not be enlarged; its aspect is near it."""
        area = self.target.resolution[0] * self.target.resolution[1]
        size = self.size(*swollen(bounds, focus.box, area))
        box = placed(bounds, smallest(bounds, focus.box, size), focus)
        return Crop(on_grid(box, size), *size, mode)

    def by_hand(self, bounds: Box, region: Box) -> Crop:
        """A person's region at the size and aspect that suit it best."""
        size = self.size(*size_of(region))
        return Crop(refitted(bounds, region, size), *size, "box")


def on_grid(box: Box, size: Bucket) -> Box:
    """A box without the odd pixels at its edges, for which a JPEG at a fraction has no pixel.

    So the render need not go between pixels. It is off its aspect by less than one and a half
    pixels of the result.
    """
    room = min((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1]) / MARGIN
    step = max((factor for factor in FRACTIONS if factor <= room), default=1)
    left, top = -(-box[0] // step) * step, -(-box[1] // step) * step
    return left, top, box[2] // step * step, box[3] // step * step


def whole(picture: Picture) -> Box:
    """All of a picture."""
    return 0, 0, picture.width, picture.height


def lost(picture: Picture, crop: Crop) -> float:
    """The share of a picture's pixels that a cut leaves out, 0..1."""
    return 1 - area_of(crop.box) / (picture.width * picture.height)


def enlargement(crop: Crop) -> float:
    """By how much the cut is enlarged to its size; 1 or less: not at all."""
    width, height = size_of(crop.box)
    return max(crop.width / width, crop.height / height)


def own_region(picture: Picture, crop: Crop, region: Box | None) -> Box:
    """What a person chose: the region remembered beside a cut, if the cut was made from it."""
    size = (crop.width, crop.height)
    if region is not None and refitted(whole(picture), region, size) == crop.box:
        return region
    return crop.box


def at_size(crop: Crop, size: Bucket) -> Crop:
    """A cut as a trainer uses it that puts it at another size: its middle, of that aspect."""
    if size == (crop.width, crop.height):
        return crop
    return replace(
        crop, box=centred(crop.box, largest(crop.box, size)), width=size[0], height=size[1]
    )
