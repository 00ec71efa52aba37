"""Moving and sizing a box within a picture, at an aspect, as a person does it. Pure.

Every box here is in whole pixels of the picture and lies inside it. An aspect is the width and
height of the size that the box is rendered at.
"""

from __future__ import annotations

from dataprep.decisions import Box
from dataprep.focus.place import Size, largest, refitted, size_of

SHORTEST = 16
"""No side of a box is made shorter than this (pixels), unless the picture itself is."""
STEPS = 40
"""So many steps lead from one end of a picture's longer side to the other."""


def step_of(whole: Size, *, fine: bool = False) -> int:
    """By how many pixels a box of a picture of this size is moved or sized at once."""
    return 1 if fine else max(1, round(max(whole) / STEPS))


def moved(whole: Size, box: Box, across: int, down: int) -> Box:
    """The box so many pixels farther to the right and below, or as far as the picture goes."""
    return _at(whole, size_of(box), box[0] + across, box[1] + down)


def lying_over(whole: Size, box: Box, point: tuple[float, float]) -> Box:
    """The box with its middle at a point of the picture, or as near as it can lie."""
    width, height = size_of(box)
    return _at(whole, (width, height), round(point[0] - width / 2), round(point[1] - height / 2))


def in_the_middle(whole: Size, box: Box) -> Box:
    """The box in the middle of the picture."""
    return lying_over(whole, box, (whole[0] / 2, whole[1] / 2))


def sized(whole: Size, box: Box, aspect: Size, by: int, least: int = SHORTEST) -> Box:
    """The box with its longer side so many pixels longer, about its own middle.

    Its shorter side stays at least ``least``, as far as the picture has room for it.
    """
    most = min(whole[0] / aspect[0], whole[1] / aspect[1])
    low = min(most, least / min(aspect))
    width, height = size_of(box)
    # the side that says the scale best is the longer one: the other is rounded more
    now = width / aspect[0] if aspect[0] >= aspect[1] else height / aspect[1]
    scale = max(low, min(most, now + by / max(aspect)))
    size = (
        max(1, min(whole[0], round(aspect[0] * scale))),
        max(1, min(whole[1], round(aspect[1] * scale))),
    )
    return lying_over(whole, (0, 0, *size), _middle(box))


def widest(whole: Size, box: Box, aspect: Size) -> Box:
    """The largest box of the aspect, as near to the middle of this one as it can lie."""
    return lying_over(whole, (0, 0, *largest((0, 0, *whole), aspect)), _middle(box))


def brought_to(whole: Size, box: Box, aspect: Size) -> Box:
    """The box at another aspect: it grows where there is room, else it is cut."""
    return refitted((0, 0, *whole), box, aspect)


def onto(box: Box, whole: Size, other: Size) -> Box:
    """The same part of a picture of another size."""
    left, right = _edges(box[0], box[2], whole[0], other[0])
    top, bottom = _edges(box[1], box[3], whole[1], other[1])
    return left, top, right, bottom


def _edges(first: int, last: int, length: int, other: int) -> tuple[int, int]:
    start = min(other - 1, round(first * other / length))
    return start, max(start + 1, min(other, round(last * other / length)))


def _middle(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _at(whole: Size, size: Size, left: int, top: int) -> Box:
    left = max(0, min(left, whole[0] - size[0]))
    top = max(0, min(top, whole[1] - size[1]))
    return left, top, left + size[0], top + size[1]
