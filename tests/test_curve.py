"""The curve in braille dots: nothing outside its frame, no gaps in a line, numbers that fit."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.curve import ACROSS, DOWN, Curve, Frame, Series, dots, frame_of, short

VALUES = st.floats(1e-9, 1e9)
POINTS = st.lists(st.tuples(st.integers(0, 100_000), VALUES), min_size=1, max_size=60).map(
    lambda points: sorted({step: value for step, value in points}.items())
)
SIZES = st.tuples(st.integers(1, 60), st.integers(1, 12))


def _columns(cells: dict[tuple[int, int], int]) -> dict[int, set[int]]:
    """The rows that are dotted in every column of dots."""
    found: dict[int, set[int]] = {}
    bits = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
    for (line, column), mask in cells.items():
        for row, pair in enumerate(bits):
            for side, bit in enumerate(pair):
                if mask & bit:
                    found.setdefault(column * ACROSS + side, set()).add(line * DOWN + row)
    return found


@given(POINTS, SIZES, st.booleans(), st.booleans())
def test_all_dots_lie_in_the_frame(
    points: list[tuple[int, float]], size: tuple[int, int], strong: bool, logarithmic: bool
) -> None:
    series = Series(points, strong=strong)
    frame = frame_of([series], *size, logarithmic=logarithmic, zero=False)
    cells = dots(series, frame)
    assert cells
    assert all(0 <= line < size[1] and 0 <= column < size[0] for line, column in cells)


@given(POINTS, SIZES)
def test_a_line_has_no_gaps(points: list[tuple[int, float]], size: tuple[int, int]) -> None:
    series = Series(points)
    columns = _columns(dots(series, frame_of([series], *size, zero=True)))
    assert sorted(columns) == list(range(min(columns), max(columns) + 1))
    for column in sorted(columns)[1:]:
        before, here = columns[column - 1], columns[column]
        assert min(here) <= max(before) + 1
        assert max(here) >= min(before) - 1


@given(POINTS, SIZES)
def test_faint_columns_reach_from_the_least_to_the_greatest(
    points: list[tuple[int, float]], size: tuple[int, int]
) -> None:
    series = Series(points, strong=False)
    frame = frame_of([series], *size, zero=False)
    rows = set().union(*_columns(dots(series, frame)).values())
    assert min(rows) == frame.row(max(y for _, y in points))
    assert max(rows) == frame.row(min(y for _, y in points))


def test_what_is_no_number_is_left_out() -> None:
    series = Series([(1, math.nan), (2, math.inf), (3, 0.5), (4, -1.0)])
    assert frame_of([series], 10, 4, zero=False).high == 0.5
    # nothing below zero has a logarithm
    assert frame_of([series], 10, 4, logarithmic=True, zero=False).left == 3
    assert frame_of([Series([(1, math.nan)])], 10, 4, zero=False) == Frame(10, 4)


def test_higher_is_above_and_later_is_right() -> None:
    frame = Frame(10, 5, 0, 100, 0.001, 1.0)
    assert frame.row(1.0) == 0
    assert frame.row(0.001) == 19
    assert frame.column(0) == 0
    assert frame.column(100) == 19
    # on a logarithmic scale the middle of three powers is the middle
    powers = Frame(10, 5, 0, 100, 0.01, 1.0, logarithmic=True)
    assert powers.row(0.1) in (9, 10)


@given(st.floats(1e-9, 1e9))
def test_a_number_fits_beside_the_axis(value: float) -> None:
    text = short(value)
    assert len(text) <= 6
    assert math.isclose(float(text), value, rel_tol=0.06)


def test_drawing_keeps_what_was_drawn_until_something_changes() -> None:
    curve = Curve("loss", "loss")
    curve.show([Series([(1, 1.0), (2, 0.5)])], end=10)
    first = curve._plotted(40, 8)
    assert curve._plotted(40, 8) is first
    assert first.frame.right == 10
    curve.toggle_logarithmic()
    assert curve._plotted(40, 8).frame.logarithmic
    assert curve._plotted(50, 8).frame.width == 43
