"""Where a cut lies: geometry for any picture, and what the looking modes find in real pixels."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep.decisions import Box
from dataprep.errors import DataprepError, UsageError
from dataprep.focus import faces, saliency
from dataprep.focus.cut import Cutter, enlargement
from dataprep.focus.faces import Detector, Face, on_face
from dataprep.focus.place import (
    Focus,
    centred,
    grown,
    largest,
    on_box,
    placed,
    refitted,
    size_of,
    smallest,
)
from dataprep.focus.region import parse
from dataprep.focus.subject import subject_box
from dataprep.target import of_size
from dataprep.weights import find_faces_model
from tests.tiny_onnx import write_matting
from tests.tiny_yunet import write_yunet

SIDES = st.integers(1, 5000)
TARGETS = st.sampled_from([(512, 512), (384, 640), (1024, 256), (64, 64)])


@st.composite
def boxes(draw: st.DrawFn, inside: Box = (0, 0, 5000, 5000)) -> Box:
    left = draw(st.integers(inside[0], inside[2] - 1))
    top = draw(st.integers(inside[1], inside[3] - 1))
    return (
        left,
        top,
        draw(st.integers(left + 1, inside[2])),
        draw(st.integers(top + 1, inside[3])),
    )


@st.composite
def nested(draw: st.DrawFn) -> tuple[Box, Box]:
    """Bounds, and a box inside."""
    outer = draw(boxes())
    return outer, draw(boxes(outer))


def holds(outer: Box, inner: Box) -> bool:
    return (
        outer[0] <= inner[0] < inner[2] <= outer[2] and outer[1] <= inner[1] < inner[3] <= outer[3]
    )


def is_of_aspect(box: Box, aspect: tuple[int, int], off: float = 1) -> bool:
    """Within ``off`` pixels on each side; a side of one pixel may stand for less."""
    width, height = size_of(box)
    scales = [
        ((side - off) / whole, (side + off) / whole)
        for side, whole in zip((width, height), aspect, strict=True)
    ]
    return max(low for low, _ in scales) <= min(high for _, high in scales) or 1 in (width, height)


@given(nested(), TARGETS, st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_every_cut_is_whole_pixels_inside_its_bounds_and_of_its_aspect(
    both: tuple[Box, Box], target: tuple[int, int], at: tuple[float, float]
) -> None:
    bounds, inner = both
    focus = Focus(inner, on_box(inner).point, at)
    for box in (
        centred(bounds, largest(bounds, target)),
        placed(bounds, largest(bounds, target), focus),
        placed(bounds, smallest(bounds, inner, target), focus),
        refitted(bounds, inner, target),
    ):
        assert holds(bounds, box)
        assert is_of_aspect(box, target)
        assert all(isinstance(edge, int) for edge in box)


@given(nested(), TARGETS)
def test_the_largest_cut_touches_two_opposite_sides(
    both: tuple[Box, Box], target: tuple[int, int]
) -> None:
    bounds = both[0]
    width, height = largest(bounds, target)
    assert width == size_of(bounds)[0] or height == size_of(bounds)[1]


@given(nested(), TARGETS)
def test_a_subject_that_fits_is_in_the_cut_whole(
    both: tuple[Box, Box], target: tuple[int, int]
) -> None:
    bounds, inner = both
    size = largest(bounds, target)
    box = placed(bounds, size, on_box(inner))
    for axis in (0, 1):
        if size_of(inner)[axis] <= size[axis]:
            assert box[axis] <= inner[axis]
            assert inner[axis + 2] <= box[axis + 2]


@given(nested(), TARGETS)
def test_the_closest_cut_enlarges_nothing_while_there_is_room(
    both: tuple[Box, Box], target: tuple[int, int]
) -> None:
    bounds, inner = both
    room, size = size_of(bounds), smallest(bounds, inner, target)
    if room[0] >= target[0] and room[1] >= target[1]:
        assert size[0] >= target[0]
        assert size[1] >= target[1]
    assert size[0] <= largest(bounds, target)[0] + 1


@given(nested())
def test_a_region_of_the_right_aspect_is_kept_as_it_is(both: tuple[Box, Box]) -> None:
    bounds, inner = both
    assert refitted(bounds, inner, size_of(inner)) == inner


@settings(max_examples=200)
@given(nested(), st.booleans(), st.sampled_from([32, 64]), st.booleans())
def test_every_way_to_cut_keeps_to_the_target(
    both: tuple[Box, Box], with_buckets: bool, step: int, upscale: bool
) -> None:
    bounds, inner = both
    target = replace(of_size(512, step), buckets=with_buckets, no_upscale=not upscale)
    cutter, focus = Cutter(target), on_box(inner)
    ways = {
        bounds: [cutter.centred(bounds), cutter.over(bounds, focus, "saliency")],
        inner: [cutter.close(bounds, focus, "face"), cutter.by_hand(bounds, inner)],
    }
    for room, cuts in ways.items():
        for cut in cuts:
            size = (cut.width, cut.height)
            assert holds(bounds, cut.box)
            # what is left out for JPEGs at a fraction is under two pixels of the result
            assert is_of_aspect(cut.box, size, max(1, 1.5 * size_of(cut.box)[0] / size[0]))
            assert cutter.size(*size) == size, "the trainer agrees"
            if with_buckets and not upscale and min(size_of(room)) >= step:
                assert enlargement(cut) <= 1


def test_what_is_too_tall_keeps_its_head_and_what_is_too_wide_its_middle() -> None:
    assert placed((0, 0, 100, 300), (100, 100), on_box((20, 40, 80, 280))) == (0, 40, 100, 140)
    assert placed((0, 0, 300, 100), (100, 100), on_box((40, 20, 280, 80))) == (110, 0, 210, 100)


def test_margins_end_at_the_picture() -> None:
    assert grown((0, 0, 100, 100), (10, 40, 50, 60), 0.5) == (0, 20, 70, 80)


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("10,20,110,220", (10, 20, 110, 220)),
        ("10%, 0, 90%, 100%", (40, 0, 360, 300)),
        ("0,12.5%,9999,50%", (0, 38, 400, 150)),
        ("400,0,500,100", None),
    ],
)
def test_a_region_in_pixels_or_percent(text: str, box: Box | None) -> None:
    assert parse(text).within(400, 300) == box


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1,2,3", "left, top, right, bottom"),
        ("1,2,3,four", "left, top, right, bottom"),
        ("-1,0,5,5", "left, top, right, bottom"),
        ("50,0,10,10", "right of the left"),
        ("0,9%,10,9%", "below the top"),
    ],
)
def test_a_slip_in_a_region_is_said(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(text)


@given(SIDES, SIDES, boxes((0, 0, 64, 48)))
@settings(max_examples=50)
def test_the_box_of_a_mask_is_never_smaller_than_its_subject(
    width: int, height: int, inner: Box
) -> None:
    mask = Image.new("L", (64, 48), 127)
    mask.paste(128, inner)
    box = subject_box(mask, (width, height))
    assert box is not None
    assert holds((0, 0, width, height), box)
    assert box[0] <= inner[0] * width / 64
    assert box[3] >= inner[3] * height / 48 - 1e-6


def test_an_empty_mask_has_no_subject() -> None:
    assert subject_box(Image.new("L", (8, 8), 127), (80, 80)) is None


def scene(size: tuple[int, int], at: tuple[int, int], grain: int = 6) -> Image.Image:
    """Grain, with a chequered square of 40 pixels whose left top corner is ``at``."""
    rng = np.random.default_rng(7)
    pixels = rng.integers(120, 120 + grain, (size[1], size[0], 3), dtype=np.uint8)
    squares = (np.indices((40, 40)) // 8).sum(0) % 2 * 255
    pixels[at[1] : at[1] + 40, at[0] : at[0] + 40] = squares[..., None]
    return Image.fromarray(pixels)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 360), st.booleans())
def test_the_liveliest_place_holds_the_subject_wherever_it_is(place: int, tall: bool) -> None:
    size, at = ((160, 400), (60, place)) if tall else ((400, 160), (place, 60))
    image = scene(size, at)
    box = saliency.liveliest(image, size, (0, 0, *size), (160, 160)).box
    assert holds(box, (*at, at[0] + 40, at[1] + 40))
    # so it does in the same picture decoded at a fraction
    half = image.resize((size[0] // 2, size[1] // 2), Image.Resampling.BOX)
    again = saliency.liveliest(half, size, (0, 0, *size), (160, 160)).box
    assert holds(again, (*at, at[0] + 40, at[1] + 40))


def test_an_even_picture_is_cut_from_the_middle() -> None:
    for size in ((1000, 501), (333, 900)):
        image, side = Image.new("RGB", size, "teal"), min(size)
        box = saliency.liveliest(image, size, (0, 0, *size), (side, side)).box
        middle = centred((0, 0, *size), (side, side))
        # half a pixel falls to either side
        assert max(abs(a - b) for a, b in zip(box, middle, strict=True)) <= 1


def test_the_liveliest_place_keeps_to_its_bounds() -> None:
    image = scene((400, 160), (0, 60))
    box = saliency.liveliest(image, (400, 160), (100, 0, 400, 160), (160, 160)).box
    assert holds((100, 0, 400, 160), box)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(2, 40), st.integers(0, 99))
def test_running_sums_and_entropies_are_those_of_each_window(
    height: int, width: int, seed: int
) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)
    window = max(1, width // 3)
    sums = saliency.running(grey.astype(float), window)
    found = saliency.entropies(grey, window)
    for start in range(width - window + 1):
        part = grey[:, start : start + window]
        assert sums[:, start].tolist() == part.sum(1).tolist()
        shares = np.unique(part // 16, return_counts=True)[1] / part.size
        assert found[start] == pytest.approx(-(shares * np.log2(shares)).sum() / 4, abs=1e-9)


@pytest.fixture(scope="module")
def yunet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_yunet(tmp_path_factory.mktemp("Modèles ü") / "face_detection_yunet_2023mar.onnx")


@pytest.fixture(scope="module")
def detector(yunet: Path) -> Iterator[Detector]:
    with faces.opened(yunet) as found:
        yield found


def photo(size: tuple[int, int] = (1280, 960)) -> Image.Image:
    """Two small faces, of 48 pixels, and a large one, of 192 at (576, 256)."""
    image = Image.new("RGB", size, "grey")
    image.paste("red", (640, 320, 704, 384))
    for left in (64, 800):
        image.paste("blue", (left, 64, left + 16, 80))
    return image


def test_the_largest_face_leads_and_is_where_it_is(detector: Detector) -> None:
    found = detector.find(photo(), (1280, 960))
    assert [round(face.width) for face in found] == [192, 48, 48]
    assert found[0] == Face(576, 256, 192, 192, 1)
    # the same picture decoded at half its size
    assert detector.find(photo().reduce(2), (1280, 960))[0] == found[0]


def test_a_picture_without_a_face_has_none(detector: Detector) -> None:
    assert detector.find(Image.new("RGB", (300, 900), "green"), (300, 900)) == []


def test_every_thread_finds_the_same_faces(detector: Detector) -> None:
    found: list[list[Face]] = []
    image = photo()
    threads = [
        threading.Thread(target=lambda: found.append(detector.find(image, image.size)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(faces == found[0] != [] for faces in found)


def test_opencv_is_left_as_it_was(yunet: Path) -> None:
    import cv2

    before = (cv2.getNumThreads(), cv2.utils.logging.getLogLevel())
    with faces.opened(yunet):
        pass
    assert (cv2.getNumThreads(), cv2.utils.logging.getLogLevel()) == before


@given(
    left=st.floats(0, 1800),
    top=st.floats(300, 1000),
    width=st.floats(5, 150),
    shape=st.floats(0.8, 2),
)
def test_a_face_sits_at_a_third_with_its_head_in_the_cut(
    left: float, top: float, width: float, shape: float
) -> None:
    face = Face(left, top, width, width * shape, 0.9)
    focus = on_face(face, (0, 0, 2000, 1500), 0.0)
    cut = placed((0, 0, 2000, 1500), (1000, 1000), focus)
    assert holds(cut, focus.box)
    assert focus.box[1] < top
    assert focus.box[3] > top + width * shape
    middle = top + width * shape / 2
    assert cut[1] in (0, 500) or abs(middle - cut[1] - 1000 / 3) <= 1


@pytest.mark.parametrize("content", [b"not a model", b""])
def test_a_file_that_is_no_face_detector_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "faces.onnx"
    path.write_bytes(content)
    with pytest.raises(DataprepError, match="finds no faces with this file"), faces.opened(path):
        pass


def test_a_network_of_another_kind_is_said(tmp_path: Path) -> None:
    other = write_matting(tmp_path / "matting.onnx")
    with pytest.raises(DataprepError, match="finds no faces with this file"), faces.opened(other):
        pass


def test_the_face_model_is_found_where_models_lie(
    yunet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATAPREP_MODELS", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    with pytest.raises(DataprepError, match="not on this machine") as missing:
        find_faces_model()
    assert str(tmp_path / "yunet") in missing.value.message
    assert "opencv_zoo" in missing.value.hint
    assert "--mode saliency" in missing.value.hint
    beside = tmp_path / "face_detection_yunet_2023mar.onnx"
    beside.write_bytes(yunet.read_bytes())
    assert find_faces_model() == beside
    inside = tmp_path / "yunet" / "face_detection_yunet_2026may.onnx"
    inside.parent.mkdir()
    inside.write_bytes(yunet.read_bytes())
    assert find_faces_model() == inside
    assert find_faces_model(str(beside)) == beside.resolve()
    with pytest.raises(UsageError, match="no such file"):
        find_faces_model("nowhere.onnx")
