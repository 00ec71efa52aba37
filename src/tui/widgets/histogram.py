"""Counts as block characters. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log1p

EIGHTHS = " ▁▂▃▄▅▆▇█"


def regrouped(counts: Sequence[int], columns: int) -> list[int]:
    """The same counts in so many columns; where there are fewer counts, some stand twice."""
    if columns >= len(counts):
        return [counts[column * len(counts) // columns] for column in range(columns)]
    edges = [column * len(counts) // columns for column in range(columns + 1)]
    return [sum(counts[left:right]) for left, right in pairwise(edges)]


def bars(
    counts: Sequence[int], columns: int, lines: int = 1, *, logarithmic: bool = True
) -> list[str]:
    """The counts as bars, the uppermost line first; one alone is still seen."""
    height = log1p if logarithmic else float
    heights = [height(count) for count in regrouped(counts, columns)] if counts else []
    most = max(heights, default=0.0)
    if not most:
        return [" " * columns] * lines
    full = 8 * lines
    eighths = [max(1, round(full * one / most)) if one else 0 for one in heights]
    return [
        "".join(EIGHTHS[max(0, min(8, one - 8 * line))] for one in eighths)
        for line in reversed(range(lines))
    ]
