"""A curve in braille dots: every value faint, their average strong, axes that say from where to
where. Drawn line by line, so a run of any length costs what the screen is wide."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from tui.words import _

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell, by row and column."""
ACROSS, DOWN = 2, 4
"""Dots in a cell."""
EMPTY = 0x2800
LEAST_WIDTH = 12
GUTTER = 6
"""Columns of the numbers beside the y axis."""
Points = Sequence[tuple[float, float]]
"""(x, y), x growing."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a curve."""

    points: Points
    strong: bool = True
    """Drawn bright, and as a line; else faint, each column from its least to its greatest."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What of the plane is seen, in how many cells."""

    width: int
    height: int
    left: float = 0.0
    right: float = 1.0
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False

    def column(self, x: float) -> int:
        """The column of dots of an x; the frame's edge for one beyond it."""
        last = self.width * ACROSS - 1
        share = (x - self.left) / (self.right - self.left) if self.right > self.left else 0.0
        return max(0, min(last, round(share * last)))

    def row(self, y: float) -> int:
        """The row of dots of a y, from the top; the frame's edge for one beyond it."""
        last = self.height * DOWN - 1
        low, high, y = self._scaled(self.low), self._scaled(self.high), self._scaled(y)
        share = (y - low) / (high - low) if high > low else 0.5
        return max(0, min(last, round((1 - share) * last)))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, 1e-12)) if self.logarithmic else value


def frame_of(
    series: Sequence[Series], width: int, height: int, *, logarithmic: bool = False, zero: bool
) -> Frame:
    """The frame that holds all points; with ``zero`` from 0 on (never on a logarithmic scale)."""
    points = [point for one in series for point in _finite(one.points, logarithmic)]
    if not points:
        return Frame(width, height, logarithmic=logarithmic)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    low, high = min(ys), max(ys)
    if zero and not logarithmic:
        low, high = min(low, 0.0), max(high, 0.0)
    if low == high:
        low, high = (low / 2, high * 2) if low > 0 else (low - 1, high + 1)
    return Frame(width, height, min(xs), max(xs), low, high, logarithmic)


def dots(series: Series, frame: Frame) -> dict[tuple[int, int], int]:
    """The braille bits by (line, column) of the cells that a series touches."""
    found: dict[tuple[int, int], int] = {}
    before: tuple[int, int] | None = None
    for column, least, greatest, mean in _columns(series, frame):
        top, bottom = frame.row(greatest), frame.row(least)
        if series.strong:
            middle = frame.row(mean)
            for at, first, last in _joined(before, (column, middle)):
                _draw(found, at, first, last)
            before = (column, middle)
        else:
            _draw(found, column, top, bottom)
    return found


def short(value: float) -> str:
    """A number in at most six letters."""
    if value == 0:
        return "0"
    if 0.001 <= abs(value) < 1000:
        return f"{value:.3g}" if abs(value) >= 0.1 else f"{value:.2g}"
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def _columns(series: Series, frame: Frame) -> list[tuple[int, float, float, float]]:
    """By column of dots: the least, the greatest and the mean of its values."""
    gathered: dict[int, list[float]] = {}
    for x, y in _finite(series.points, frame.logarithmic):
        gathered.setdefault(frame.column(x), []).append(y)
    return [
        (column, min(ys), max(ys), sum(ys) / len(ys)) for column, ys in sorted(gathered.items())
    ]


def _joined(before: tuple[int, int] | None, now: tuple[int, int]) -> list[tuple[int, int, int]]:
    """(column, first row, last row) of a line from one dot to the next."""
    if before is None:
        return [(now[0], now[1], now[1])]
    (x0, y0), (x1, y1) = before, now
    pieces, last = [], y0
    for x in range(x0 + 1, x1 + 1):
        y = round(y0 + (y1 - y0) * (x - x0) / (x1 - x0))
        # from the dot beside it, so that a steep line has no gaps
        start = last + (y > last) - (y < last)
        pieces.append((x, min(start, y), max(start, y)))
        last = y
    return pieces


def _draw(found: dict[tuple[int, int], int], column: int, first: int, last: int) -> None:
    for row in range(first, last + 1):
        cell = (row // DOWN, column // ACROSS)
        found[cell] = found.get(cell, 0) | DOTS[row % DOWN][column % ACROSS]


def _finite(points: Points, logarithmic: bool) -> list[tuple[float, float]]:
    return [
        (x, y)
        for x, y in points
        if math.isfinite(x) and math.isfinite(y) and (y > 0 or not logarithmic)
    ]


@dataclass(slots=True)
class _Drawn:
    """What is on the screen, until the size or the points change."""

    size: tuple[int, int] = (0, 0)
    frame: Frame = field(default_factory=lambda: Frame(0, 0))
    faint: dict[tuple[int, int], int] = field(default_factory=dict)
    strong: dict[tuple[int, int], int] = field(default_factory=dict)


class Curve(Widget):
    """Draws series over one another with a title, what y reaches from and to, and the last x."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "curve--title",
        "curve--axis",
        "curve--faint",
        "curve--strong",
    }
    DEFAULT_CSS = """
    Curve {
        height: 1fr;
        & > .curve--title { text-style: bold; }
        & > .curve--axis { color: $text-muted; }
        & > .curve--faint { color: $foreground 35%; }
        & > .curve--strong { color: $primary; text-style: bold; }
    }
    """

    def __init__(self, title: str, id: str, *, zero: bool = False) -> None:
        """``zero``: the y axis begins at 0."""
        super().__init__(id=id)
        self._title = title
        self._zero = zero
        self._series: Sequence[Series] = ()
        self._end: float | None = None
        self._drawn: _Drawn | None = None
        self.logarithmic = False

    def show(self, series: Sequence[Series], end: float | None = None) -> None:
        """Draw these; ``end`` is the x at which the run will be done."""
        self._series, self._end = series, end
        self._drawn = None
        self.refresh()

    def toggle_logarithmic(self) -> None:
        """Switch between a plain and a logarithmic y axis."""
        self.logarithmic = not self.logarithmic
        self._drawn = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width, height = self.size
        drawn = self._plotted(width, height)
        if width < LEAST_WIDTH:
            return Strip.blank(width, self.rich_style)
        if y == 0:
            return self._titled(width)
        if y == height - 1 and height > 3:
            return self._feet(width, drawn.frame)
        return self._plot_line(y - 1, drawn, width)

    def _plotted(self, width: int, height: int) -> _Drawn:
        if self._drawn is None or self._drawn.size != (width, height):
            across, down = max(1, width - GUTTER - 1), max(1, height - 1 - (height > 3))
            frame = frame_of(
                self._series, across, down, logarithmic=self.logarithmic, zero=self._zero
            )
            if self._end is not None and self._end > frame.left:
                frame = replace(frame, right=max(frame.right, self._end))
            self._drawn = _Drawn((width, height), frame)
            for one in self._series:
                cells = self._drawn.strong if one.strong else self._drawn.faint
                for cell, bits in dots(one, frame).items():
                    cells[cell] = cells.get(cell, 0) | bits
        return self._drawn

    def _titled(self, width: int) -> Strip:
        strong = [one.points for one in self._series if one.strong and one.points]
        now = f" {short(strong[-1][-1][1])}" if strong else ""
        scale = "  " + _("log scale") if self.logarithmic else ""
        bold = self.get_component_rich_style("curve--title")
        axis = self.get_component_rich_style("curve--axis")
        strip = Strip([Segment(_(self._title), bold), Segment(now), Segment(scale, axis)])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def _feet(self, width: int, frame: Frame) -> Strip:
        axis = self.get_component_rich_style("curve--axis")
        if not any(one.points for one in self._series):
            return Strip.blank(width, self.rich_style)
        first, last = str(round(frame.left)), str(round(frame.right))
        gap = " " * max(1, width - GUTTER - 1 - len(first) - len(last))
        strip = Strip([Segment(" " * (GUTTER + 1) + first + gap + last, axis)])
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def _plot_line(self, line: int, drawn: _Drawn, width: int) -> Strip:
        axis = self.get_component_rich_style("curve--axis")
        faint = self.get_component_rich_style("curve--faint")
        strong = self.get_component_rich_style("curve--strong")
        frame, label = drawn.frame, ""
        has_points = any(one.points for one in self._series)
        if line == 0 and has_points:
            label = short(frame.high)
        elif line == frame.height - 1 and has_points:
            label = short(frame.low)
        segments = [Segment(f"{label:>{GUTTER}}", axis), Segment("┤" if label else "│", axis)]
        for column in range(frame.width):
            over, under = drawn.strong.get((line, column), 0), drawn.faint.get((line, column), 0)
            letter = chr(EMPTY + (over | under)) if over or under else " "
            segments.append(Segment(letter, strong if over else faint if under else None))
        strip = Strip(segments).simplify().adjust_cell_length(width)
        return strip.apply_style(self.rich_style)
