"""Masks: what is done to one before it cuts a picture out, and how it is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from dataprep import masks
from dataprep.decisions import Background
from dataprep.masks import Mask, finish


def boxes(size: tuple[int, int], *areas: tuple[int, int, int, int], soft: float = 0) -> Mask:
    """White rectangles on black: left, top, right, bottom, exclusive."""
    image = Image.new("L", size, 0)
    for area in areas:
        image.paste(255, area)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(soft)) if soft else image)


def bounds(mask: Mask) -> tuple[int, int, int, int] | None:
    return Image.fromarray(np.where(mask >= masks.HALF, np.uint8(255), np.uint8(0))).getbbox()


def worked(mask: Mask, scale: float = 1.0, **tools: int) -> Mask:
    return finish(mask, Background("m", "white", **tools), scale)


areas = st.tuples(st.integers(0, 30), st.integers(0, 20), st.integers(31, 60), st.integers(21, 40))


@given(areas)
def test_nothing_to_do_changes_nothing(area: tuple[int, int, int, int]) -> None:
    mask = boxes((60, 40), area)
    assert not masks.is_worked(Background("m", "white"))
    assert (worked(mask) == mask).all()


@given(areas)
def test_inverted_twice_is_as_before(area: tuple[int, int, int, int]) -> None:
    mask = boxes((60, 40), area, soft=1.5)
    assert (worked(worked(mask, invert=True), invert=True) == mask).all()


@settings(max_examples=30, deadline=None)
@given(areas, st.integers(1, 12))
def test_growing_reaches_so_many_pixels_and_shrinking_undoes_it(
    area: tuple[int, int, int, int], pixels: int
) -> None:
    mask = boxes((60, 40), area)
    grown = worked(mask, grow=pixels)
    left, top, right, bottom = area
    wanted = (max(0, left - pixels), max(0, top - pixels), min(60, right + pixels))
    assert bounds(grown) == (*wanted, min(40, bottom + pixels))
    assert (grown >= mask).all()
    assert (worked(mask, grow=-pixels) <= mask).all()
    # what grew over the edge does not come back; inside, it does
    inner = np.s_[12:-12, 12:-12]
    assert (worked(grown, grow=-pixels)[inner] >= mask[inner]).all()


def test_a_grown_dot_is_nearly_round() -> None:
    mask = boxes((101, 101), (50, 50, 51, 51))
    y, x = np.nonzero(worked(mask, grow=30))
    reach = np.hypot(x - 50, y - 50).max()
    assert 30 <= reach <= 30 * 1.12
    across = np.hypot(x - 50, y - 50)[(x - 50) == (y - 50)].max()
    assert across == pytest.approx(30, rel=0.1)


def test_a_soft_edge_moves_and_stays_soft() -> None:
    mask = boxes((80, 40), (0, 0, 40, 40), soft=3)
    row, moved = mask[20].astype(int), worked(mask, grow=5)[20].astype(int)
    assert np.abs(moved[10:70] - row[5:65]).max() <= 1


def test_a_subject_at_the_edge_of_the_picture_stays_there() -> None:
    mask = boxes((60, 40), (0, 0, 30, 40))
    assert bounds(worked(mask, grow=-6)) == (0, 0, 24, 40)
    assert worked(mask, feather=8)[:, 0].min() == 255


def test_pixels_are_those_of_the_original() -> None:
    small = boxes((60, 40), (20, 10, 40, 30))
    assert bounds(worked(small, scale=0.5, grow=8)) == (16, 6, 44, 34)


@pytest.mark.parametrize("pixels", [4, 12, 40])
def test_feathering_goes_from_nothing_to_all_over_so_many_pixels(pixels: int) -> None:
    row = worked(boxes((200, 30), (100, 0, 200, 30)), feather=pixels)[15].astype(float) / 255
    inside = np.flatnonzero((row > 0.02) & (row < 0.98))
    assert len(inside) == pytest.approx(pixels, abs=2)
    assert row[99:101].mean() == pytest.approx(0.5, abs=0.02)


def test_only_the_largest_piece_stays_with_its_soft_edge() -> None:
    big, small, faint = (10, 10, 60, 60), (80, 20, 100, 40), (70, 70, 110, 95)
    mask = boxes((120, 100), big, soft=2).copy()
    alone = mask.copy()
    mask |= boxes((120, 100), small, soft=2)
    mask[faint[1] : faint[3], faint[0] : faint[2]] = 90
    kept = worked(mask, largest=True)
    assert np.abs(kept.astype(int) - alone).max() < masks.FAINT
    assert (worked(kept, largest=True) == kept).all()


def test_the_largest_piece_is_that_of_the_most_pixels() -> None:
    mask = boxes((100, 100), (0, 0, 100, 3), (20, 20, 60, 60), (70, 70, 80, 80))
    assert bounds(worked(mask, largest=True)) == (20, 20, 60, 60)
    empty = np.zeros((10, 10), np.uint8)
    assert (worked(empty, largest=True) == empty).all()


def test_tools_come_in_their_order() -> None:
    """Inverted first: the ring is the subject, its hole is not filled by growing the disc."""
    image = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(image).ellipse((30, 30, 70, 70), fill=0)
    mask = np.asarray(image)
    out = worked(mask, invert=True, largest=True, grow=-4, feather=4)
    step = masks.feathered(masks.grown(masks.largest(255 - mask), -4), 4)
    assert (out == step).all()
    assert out[50, 50] == 255
    assert masks.share(out) == pytest.approx(np.pi * 16.5**2 / 1e4, rel=0.08)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=25, deadline=None)
def test_a_kept_mask_comes_back_with_its_share(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, seed: int
) -> None:
    mask = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    path = tmp_path_factory.mktemp("kept") / "mask.png"
    share = masks.save(mask, path)
    assert share == pytest.approx((mask >= 128).mean())
    assert masks.covered(path) == pytest.approx(share, abs=1e-6)
    with Image.open(path) as image:
        assert (image.mode, image.size) == ("L", (width, height))
        assert (np.asarray(image) == mask).all()
    turned = masks.coverage(path, Background("m", "white", invert=True))
    assert turned == pytest.approx((mask < 128).mean())


def test_what_is_no_mask_covers_nothing_known(tmp_path: Path) -> None:
    assert masks.covered(tmp_path / "none.png") is None
    Image.new("L", (8, 8)).save(tmp_path / "other.png")
    assert masks.covered(tmp_path / "other.png") is None
    (tmp_path / "half.png").write_bytes(b"\x89PNG\r\n")
    assert masks.covered(tmp_path / "half.png") is None
    assert masks.coverage(tmp_path / "half.png", Background("m", "white", grow=1)) is None
