"""The resample: Pillow's Lanczos, or something nearer to it than Pillow's bicubic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataprep.resample import LEAST, MOST, low_pass, resample
from tests.test_drafts import SCENES

LANCZOS, BICUBIC = Image.Resampling.LANCZOS, Image.Resampling.BICUBIC


def distance(first: Image.Image, second: Image.Image) -> float:
    return float(np.abs(np.asarray(first, float) - np.asarray(second, float)).mean())


@pytest.mark.parametrize("name", ["photograph", "grainy", "cartoon", "lines"])
@pytest.mark.parametrize("side", [832, 768, 512, 416])
def test_it_is_nearer_to_lanczos_than_bicubic_is(name: str, side: int) -> None:
    scene = SCENES[name]()
    box = (203.0, 0.0, 1403.0, 1200.0)
    exact = scene.resize((side, side), LANCZOS, box=box)
    bicubic = distance(scene.resize((side, side), BICUBIC, box=box), exact)
    ours = distance(resample(scene, (side, side), box), exact)
    # what rounding alone may do: the levels are rounded once more
    assert ours < max(bicubic, 0.25)


def test_its_scale_may_differ_from_side_to_side() -> None:
    scene = SCENES["cartoon"]()
    box = (0.0, 0.0, 1600.0, 1200.0)
    exact = scene.resize((1024, 448), LANCZOS, box=box)
    assert distance(resample(scene, (1024, 448), box), exact) < 0.3


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((512, 512), (0.5, 0.0, 1200.5, 1200.0)),
        ((1300, 1300), (0.0, 0.0, 1200.0, 1200.0)),
        ((1100, 1100), (0.0, 0.0, 1200.0, 1200.0)),
        ((200, 200), (0.0, 0.0, 1200.0, 1200.0)),
        ((600, 1200), (0.0, 0.0, 1200.0, 1200.0)),
    ],
)
def test_where_a_short_filter_does_not_fit_it_is_pillows(
    size: tuple[int, int], box: tuple[float, float, float, float]
) -> None:
    scene = SCENES["cartoon"]()
    assert resample(scene, size, box) == scene.resize(size, LANCZOS, box=box)


def test_transparency_weighs_the_colours() -> None:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 255, 0, 255), (0, 0, 200, 400))
    small = np.asarray(resample(image, (200, 200), (0, 0, 400, 400)))
    assert small[:, :, 0].max() == 0, "no red out of what cannot be seen"


@settings(max_examples=30, deadline=None)
@given(st.floats(LEAST, MOST), st.integers(0, 255))
def test_what_is_even_stays_even(factor: float, level: int) -> None:
    side = round(64 * factor)
    flat = Image.new("L", (side, side), level)
    assert resample(flat, (64, 64), (0, 0, side, side)).getextrema() == (level, level)


@given(st.floats(LEAST, MOST))
def test_filters_are_even_and_keep_the_brightness(factor: float) -> None:
    taps = low_pass(factor)
    assert taps.sum() == pytest.approx(1, abs=1e-5)
    assert np.allclose(taps, taps[::-1])


def test_white_does_not_run_over_nor_black_under() -> None:
    stripes = np.zeros((300, 300), np.uint8)
    stripes[:, 100:200] = 255
    small = np.asarray(resample(Image.fromarray(stripes), (150, 150), (0, 0, 300, 300)), int)
    assert small[:, 60:90].min() > 230
    assert small[:, :40].max() < 25
