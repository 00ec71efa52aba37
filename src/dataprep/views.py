"""Where the views of a picture lie: tiles that cover it, or the head and the upper body. Pure."""

from __future__ import annotations

import math

from dataprep.buckets import Target
from dataprep.decisions import Box, View
from dataprep.focus.place import Size, grown, on_box, placed, size_of, smallest

WHOLE, CUT = 1.0, 1.3
"""A figure is at least so many times taller than wide: one that is seen down to its feet, and one
that goes on below the picture, which otherwise is a portrait."""
FLOOR = 0.985
"""A figure that reaches below this share of the picture's height goes on below it."""
HEAD_HEIGHT = 0.5
"""A head with its shoulders is at most this share of a figure: half of one drawn small and round;
on others the figure's width is the closer limit."""
WAIST = 0.58
"""From the top of a figure to below its waist, as a share of its height."""
MARGIN = 0.06
"""Room around a part of a figure, as a share of its longer side."""
APART = 1.35
"""A view shows at least so many times the width or height of the next smaller one."""
LOOSE = 1.5
"""A part may fill so many times less than the view's side before it is too small for one."""
HEADS_WIDE, HEADS_HIGH = 2.2, 2.5
"""The upper body in heads, where only the head is known."""


def tiles(full: Size, size: Size, shrink: float, overlap: float) -> tuple[View, ...]:
    """The fewest equal tiles of the aspect of ``size`` that cover a picture, by row and column.

    ``size`` is what a tile is trained at (width, height, pixels): a tile is never smaller than
    that and at most ``shrink`` times as large, and shares at least ``overlap`` of its side with
    its neighbour. Empty for a picture that has no room for more than one.
    """
    room = min(full[0] / size[0], full[1] / size[1])
    if room < 1:
        return ()
    most = min(shrink, room)
    columns, rows = (
        _count(length / (side * most), overlap) for length, side in zip(full, size, strict=True)
    )
    if columns * rows == 1:
        return ()
    parts = _part(full[0], columns, overlap), _part(full[1], rows, overlap)
    least = max(1.0, parts[0] / size[0], parts[1] / size[1])
    width, height = (min(f, math.ceil(s * least)) for f, s in zip(full, size, strict=True))
    return tuple(
        View(f"r{row + 1}c{column + 1}", (left, top, left + width, top + height))
        for row, top in enumerate(_starts(full[1], height, rows))
        for column, left in enumerate(_starts(full[0], width, columns))
    )


def _count(lengths: float, overlap: float) -> int:
    """How many overlapping parts cover ``lengths`` times one part."""
    # a hair beyond a whole number is rounding
    return max(1, math.ceil((lengths - overlap) / (1 - overlap) - 1e-9))


def _part(full: int, count: int, overlap: float) -> float:
    """How long each of ``count`` overlapping parts must be to cover ``full``."""
    return full / (count - (count - 1) * overlap)


def _starts(full: int, part: int, count: int) -> list[int]:
    """Where ``count`` parts begin, evenly spread from one edge to the other."""
    return [round(place * (full - part) / max(1, count - 1)) for place in range(count)]


def figure_parts(figure: Box, full: Size, head_middle: float) -> dict[str, Box]:
    """Head and upper body of a standing figure's box; empty for a portrait, or one lying down.

    ``head_middle`` is where the figure's top has its middle (x, pixels): arms may reach far out to
    one side.
    """
    left, top, right, bottom = figure
    width, height = right - left, bottom - top
    if height < width * (CUT if bottom > FLOOR * full[1] else WHOLE):
        return {}
    head = round(min(width, HEAD_HEIGHT * height))
    start = min(max(round(head_middle - head / 2), left), right - head)
    parts = {"head": (start, top, start + head, top + head)}
    if WAIST * height >= APART * head:
        parts["upper"] = (left, top, right, top + round(WAIST * height))
    return parts


def head_parts(head: Box, full: Size) -> dict[str, Box]:
    """Head and upper body around a head's box."""
    left, top, right, bottom = head
    width, height = right - left, bottom - top
    middle = (left + right) / 2
    upper = (
        max(0, round(middle - HEADS_WIDE * width / 2)),
        top,
        min(full[0], round(middle + HEADS_WIDE * width / 2)),
        min(full[1], top + round(HEADS_HIGH * height)),
    )
    return {"head": head, "upper": upper}


def fitted(part: Box, full: Size, target: Target) -> Box | None:
    """The box of the view of a part: it has the aspect it is trained at, and some room.

    None where the view would have to be enlarged, or cut the part, or the part be lost in it.
    """
    bounds = (0, 0, *full)
    wanted = grown(bounds, part, MARGIN)
    size = target.choose(*size_of(wanted), target.sizes())
    if size[0] > full[0] or size[1] > full[1]:
        return None
    box = placed(bounds, smallest(bounds, wanted, size), on_box(wanted))
    inner, outer = size_of(wanted), size_of(box)
    filled = max(inner[0] / outer[0], inner[1] / outer[1])
    enough = outer[0] * outer[1] * 4 >= target.resolution[0] * target.resolution[1]
    return box if holds(box, part) and filled * LOOSE >= 1 and enough else None


def holds(box: Box, part: Box) -> bool:
    """Whether a part lies in a box."""
    return box[0] <= part[0] and box[1] <= part[1] and part[2] <= box[2] and part[3] <= box[3]


def differs(box: Box, full: Size) -> bool:
    """Whether a view shows so much less than the whole picture that it is worth having."""
    width, height = size_of(box)
    return max(full[0] / width, full[1] / height) >= APART
