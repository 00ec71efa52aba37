"""A part of a picture as a person writes it: "L,T,R,B" in pixels or percent. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dataprep.decisions import Box

SIDE = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")
FORM = 'must be "left, top, right, bottom" in pixels, or in percent like "10%, 0, 90%, 100%"'


@dataclass(frozen=True, slots=True)
class Region:
    """Four edges, each in pixels or as a share of the picture's side."""

    edges: tuple[tuple[float, bool], ...]
    """Left, top, right, bottom: the number, and whether it is a percentage."""

    def within(self, width: int, height: int) -> Box | None:
        """The region of a picture of this size, its overhang cut off; None: outside of it."""
        left, top, right, bottom = (
            min(full, round(value * full / 100 if percent else value))
            for (value, percent), full in zip(self.edges, (width, height) * 2, strict=True)
        )
        return (left, top, right, bottom) if left < right and top < bottom else None


def parse(text: str) -> Region:
    """A region out of its text. Raises ``ValueError`` with a sentence."""
    found = [SIDE.fullmatch(part.strip()) for part in text.split(",")]
    edges = tuple((float(match[1]), bool(match[2])) for match in found if match)
    if len(found) != 4 or len(edges) != 4:
        raise ValueError(FORM)
    for (first, in_percent), (last, also) in ((edges[0], edges[2]), (edges[1], edges[3])):
        if in_percent == also and first >= last:
            raise ValueError("the right must lie right of the left, the bottom below the top")
    return Region(edges)
