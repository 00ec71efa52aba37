"""Where a cut lies: boxes of a given aspect inside a picture, over what it should show. Pure.

Every box here is in whole pixels, lies inside its bounds, and is off its aspect by at most the
rounding of its two sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataprep.decisions import Box

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Focus:
    """What a cut is about, in pixels of the picture."""

    box: Box
    """Shown whole where the cut is large enough."""
    point: tuple[float, float]
    """What the cut is lined up by."""
    at: tuple[float, float] = (0.5, 0.5)
    """Where in the cut that point belongs, as shares of its width and height."""


def on_box(box: Box) -> Focus:
    """The focus that is a box with its middle in the middle."""
    left, top, right, bottom = box
    return Focus(box, ((left + right) / 2, (top + bottom) / 2))


def size_of(box: Box) -> Size:
    """Width and height."""
    return box[2] - box[0], box[3] - box[1]


def area_of(box: Box) -> int:
    """Pixels in a box."""
    width, height = size_of(box)
    return width * height


def largest(bounds: Box, aspect: Size) -> Size:
    """The largest size of an aspect (width, height) that fits in ``bounds``."""
    room = size_of(bounds)
    return _sized(room, aspect, min(room[0] / aspect[0], room[1] / aspect[1]))


def smallest(bounds: Box, subject: Box, target: Size) -> Size:
    """The smallest size of the target's aspect that holds ``subject``, as far as it fits.

    Never smaller than the target itself while there is room: nothing need be enlarged.
    """
    room, inner = size_of(bounds), size_of(subject)
    enough = max(1.0, inner[0] / target[0], inner[1] / target[1])
    return _sized(room, target, min(enough, room[0] / target[0], room[1] / target[1]))


def refitted(bounds: Box, region: Box, aspect: Size) -> Box:
    """A person's region brought to an aspect: it grows where there is room, else is cut."""
    room, inner = size_of(bounds), size_of(region)
    scale = max(inner[0] / aspect[0], inner[1] / aspect[1])
    size = _sized(room, aspect, min(scale, room[0] / aspect[0], room[1] / aspect[1]))
    return placed(bounds, size, on_box(region))


def centred(bounds: Box, size: Size) -> Box:
    """A box of ``size`` in the middle of ``bounds``; an odd pixel falls to the right and below."""
    room = size_of(bounds)
    left = bounds[0] + (room[0] - size[0]) // 2
    top = bounds[1] + (room[1] - size[1]) // 2
    return left, top, left + size[0], top + size[1]


def placed(bounds: Box, size: Size, focus: Focus) -> Box:
    """A box of ``size`` inside ``bounds`` that shows the focus where it belongs.

    What is wider than the box loses both sides alike; what is taller keeps its top, for that is
    where a head is.
    """
    left, top, right, bottom = focus.box
    if right - left > size[0]:
        start_x = (left + right - size[0]) / 2
    else:
        start_x = _holding(focus.point[0] - focus.at[0] * size[0], size[0], left, right)
    if bottom - top > size[1]:
        start_y = float(top)
    else:
        start_y = _holding(focus.point[1] - focus.at[1] * size[1], size[1], top, bottom)
    x = _clamped(round(start_x), bounds[0], bounds[2] - size[0])
    y = _clamped(round(start_y), bounds[1], bounds[3] - size[1])
    return x, y, x + size[0], y + size[1]


def grown(bounds: Box, box: Box, share: float) -> Box:
    """A box with ``share`` of its longer side more on every side, within ``bounds``."""
    more = round(share * max(size_of(box)))
    return _intersected(bounds, (box[0] - more, box[1] - more, box[2] + more, box[3] + more))


def swollen(bounds: Box, box: Box, area: int) -> Size:
    """The size of a box scaled up, where it is smaller, to ``area`` (pixels) or what fits."""
    width, height = size_of(box)
    scale = max(1.0, (area / (width * height)) ** 0.5)
    room = size_of(bounds)
    return min(room[0], round(width * scale)), min(room[1], round(height * scale))


def _sized(room: Size, aspect: Size, scale: float) -> Size:
    width, height = round(aspect[0] * scale), round(aspect[1] * scale)
    return max(1, min(room[0], width)), max(1, min(room[1], height))


def _holding(start: float, length: int, first: int, last: int) -> float:
    """A start moved so that a window of ``length`` holds ``first`` to ``last``."""
    return min(max(start, last - length), first)


def _clamped(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def _intersected(bounds: Box, box: Box) -> Box:
    """What of a box lies in ``bounds``; at least a pixel."""
    left = _clamped(box[0], bounds[0], bounds[2] - 1)
    top = _clamped(box[1], bounds[1], bounds[3] - 1)
    right = _clamped(box[2], left + 1, bounds[2])
    bottom = _clamped(box[3], top + 1, bounds[3])
    return left, top, right, bottom
