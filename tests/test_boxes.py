"""A box stays inside its picture and keeps its aspect, however it is moved and sized."""

from hypothesis import given
from hypothesis import strategies as st

from dataprep import boxes
from dataprep.decisions import Box
from dataprep.focus.place import largest, size_of

SIDE = st.integers(1, 6000)
WHOLE = st.tuples(SIDE, SIDE)
ASPECT = st.tuples(*[st.integers(1, 24).map(lambda n: 64 * n)] * 2)
BY = st.integers(-9000, 9000)


@st.composite
def pictures_with_box(draw: st.DrawFn) -> tuple[tuple[int, int], Box]:
    """A picture's size and some box in it."""
    whole = draw(WHOLE)
    left, top = (draw(st.integers(0, side - 1)) for side in whole)
    right = draw(st.integers(left + 1, whole[0]))
    bottom = draw(st.integers(top + 1, whole[1]))
    return whole, (left, top, right, bottom)


def assert_inside(whole: tuple[int, int], box: Box) -> None:
    left, top, right, bottom = box
    assert 0 <= left < right <= whole[0]
    assert 0 <= top < bottom <= whole[1]


def assert_aspect(whole: tuple[int, int], box: Box, aspect: tuple[int, int]) -> None:
    """Each side is within a pixel of what the other one asks for, or as short as can be."""
    width, height = size_of(box)
    shapes = (
        abs(width - height * aspect[0] / aspect[1]) <= max(1, aspect[0] / aspect[1]),
        abs(height - width * aspect[1] / aspect[0]) <= max(1, aspect[1] / aspect[0]),
    )
    assert any(shapes) or 1 in (width, height)


@given(pictures_with_box(), BY, BY)
def test_moving_keeps_the_size_and_the_picture(
    case: tuple[tuple[int, int], Box], across: int, down: int
) -> None:
    whole, box = case
    moved = boxes.moved(whole, box, across, down)
    assert_inside(whole, moved)
    assert size_of(moved) == size_of(box)
    wanted = (box[0] + across, box[1] + down)
    room = (whole[0] - size_of(box)[0], whole[1] - size_of(box)[1])
    for at, want, most in zip(moved[:2], wanted, room, strict=True):
        assert at == want or at in (0, most)


@given(pictures_with_box(), BY, BY)
def test_a_move_that_met_no_edge_can_be_moved_back(
    case: tuple[tuple[int, int], Box], across: int, down: int
) -> None:
    whole, box = case
    moved = boxes.moved(whole, box, across, down)
    if moved[:2] == (box[0] + across, box[1] + down):
        assert boxes.moved(whole, moved, -across, -down) == box


@given(pictures_with_box(), ASPECT, BY, st.integers(1, 1024))
def test_sizing_keeps_to_the_aspect(
    case: tuple[tuple[int, int], Box], aspect: tuple[int, int], by: int, least: int
) -> None:
    whole, box = case
    sized = boxes.sized(whole, box, aspect, by, least)
    assert_inside(whole, sized)
    assert_aspect(whole, sized, aspect)
    most = largest((0, 0, *whole), aspect)
    assert min(size_of(sized)) >= min(least, *most) - 1


@given(pictures_with_box(), ASPECT, st.integers(1, 200))
def test_larger_is_larger_and_smaller_smaller(
    case: tuple[tuple[int, int], Box], aspect: tuple[int, int], by: int
) -> None:
    whole, box = case
    start = boxes.brought_to(whole, box, aspect)
    least = min(size_of(start))
    larger = size_of(boxes.sized(whole, start, aspect, by, least))
    smaller = size_of(boxes.sized(whole, start, aspect, -by, 1))
    assert all(big >= now - 1 for big, now in zip(larger, size_of(start), strict=True))
    assert all(small <= now + 1 for small, now in zip(smaller, size_of(start), strict=True))
    shrunk = boxes.sized(whole, start, aspect, -by, 1)
    for low, high in ((0, 2), (1, 3)):
        assert abs(shrunk[low] + shrunk[high] - start[low] - start[high]) <= 4
    if max(larger) < max(largest((0, 0, *whole), aspect)):
        assert abs(max(larger) - max(size_of(start)) - by) <= 1


@given(pictures_with_box(), ASPECT)
def test_the_widest_is_as_large_as_can_be(
    case: tuple[tuple[int, int], Box], aspect: tuple[int, int]
) -> None:
    whole, box = case
    widest = boxes.widest(whole, box, aspect)
    assert_inside(whole, widest)
    assert size_of(widest) == largest((0, 0, *whole), aspect)


@given(pictures_with_box())
def test_the_middle_is_the_middle(case: tuple[tuple[int, int], Box]) -> None:
    whole, box = case
    left, top, right, bottom = boxes.in_the_middle(whole, box)
    assert abs(left - (whole[0] - right)) <= 1
    assert abs(top - (whole[1] - bottom)) <= 1


@given(pictures_with_box(), WHOLE)
def test_the_same_part_of_another_picture(
    case: tuple[tuple[int, int], Box], other: tuple[int, int]
) -> None:
    whole, box = case
    part = boxes.onto(box, whole, other)
    assert_inside(other, part)
    assert boxes.onto(box, whole, whole) == box
    for place, edge in enumerate(part):
        side = place % 2
        # half a pixel of rounding, and a pixel more where it would be gone
        assert abs(edge - box[place] * other[side] / whole[side]) <= 1.5


@given(WHOLE)
def test_a_few_dozen_steps_cross_any_picture(whole: tuple[int, int]) -> None:
    assert boxes.step_of(whole) * 60 >= max(whole)
    assert boxes.step_of(whole, fine=True) == 1
