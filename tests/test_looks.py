"""Looks: blur, light and letterbox bands are measured, and told from what only resembles them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from dataprep import looks
from dataprep.dataset import Dataset
from dataprep.images import decode
from dataprep.jobs import finish
from dataprep.looks import Measures
from dataprep.stages import scan
from tests.painted import figure, painted

ZUMI = Path(__file__).parent.parent / "sample_data" / "zumi"


def measured(image: Image.Image) -> Measures:
    return looks.look(image, image.size).measures


def letterboxed(image: Image.Image, bands: tuple[int, int, int, int], colour: str) -> Image.Image:
    left, top, right, bottom = bands
    size = (image.width + left + right, image.height + top + bottom)
    framed = Image.new("RGB", size, colour)
    framed.paste(image, (left, top))
    return framed


@pytest.mark.parametrize("seed", range(3))
def test_a_sharp_picture_has_narrow_edges_and_blur_widens_them(seed: int) -> None:
    image = painted(seed=seed)
    widths = [
        measured(image.filter(ImageFilter.GaussianBlur(radius))).edge_width
        for radius in (0, 1, 2, 4, 8)
    ]
    assert widths == sorted(widths)
    assert widths[0] < 1.5
    assert widths[1] < 4 < widths[3]


def test_edges_do_not_widen_in_the_dark_or_in_haze() -> None:
    image = painted()
    for worse in (ImageEnhance.Brightness(image), ImageEnhance.Contrast(image)):
        assert measured(worse.enhance(0.2)).edge_width < 2


def test_a_sharp_subject_before_a_blurred_background_is_sharp() -> None:
    behind = painted((768, 512), seed=1).filter(ImageFilter.GaussianBlur(10))
    assert measured(behind).edge_width > 4
    behind.paste(painted((320, 512), seed=2), (224, 0))
    assert measured(behind).edge_width < 2


def test_a_picture_without_any_edge_is_as_blurred_as_can_be() -> None:
    ramp = Image.fromarray(np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1)))
    assert measured(ramp.convert("RGB")).edge_width == 16


def test_the_sample_is_neither_blurred_nor_dark_nor_bordered_but_for_the_one_that_is() -> None:
    for path in sorted(ZUMI.glob("zumi_*")):
        if "truncated" in path.name:
            continue
        seen = measured(decode(path))
        assert (seen.edge_width > 4) == ("blurred" in path.name), path.name
        assert seen.contrast > 30
        assert seen.highlights > 200
        assert seen.borders == (0, 0, 0, 0)


def test_light_is_measured_as_numpy_measures_it() -> None:
    image = painted((300, 200), seed=5)
    grey = np.asarray(image.convert("L"), np.float64)
    seen = measured(image)
    assert seen.brightness == pytest.approx(grey.mean(), abs=0.01)
    assert seen.contrast == pytest.approx(grey.std(), abs=0.01)
    assert seen.highlights == pytest.approx(np.percentile(grey, 95), abs=1)


@settings(max_examples=40, deadline=None)
@given(
    bands=st.tuples(st.integers(12, 90), st.integers(12, 90)),
    sides=st.sampled_from(["left and right", "top and bottom", "all"]),
    colour=st.sampled_from(["black", "#101010", "navy", "#f0f0f0"]),
    scale=st.sampled_from([1, 2, 3.7]),
)
def test_letterbox_bands_are_found_to_the_pixel_or_one_step_of_the_reduction(
    bands: tuple[int, int], sides: str, colour: str, scale: float
) -> None:
    across = bands if sides != "top and bottom" else (0, 0)
    along = bands if sides != "left and right" else (0, 0)
    wanted = (across[0], along[0], across[1], along[1])
    content = painted((int(400 * scale), int(300 * scale)), seed=3, behind="#88aa66")
    ImageDraw.Draw(content).rectangle((0, 0, content.width - 1, content.height - 1), outline="red")
    found = measured(letterboxed(content, wanted, colour)).borders
    step = max(1, (content.width + 2 * 90) / looks.SIDE) * 2
    for band, real in zip(found, wanted, strict=True):
        assert (band == 0) == (real == 0)
        assert real <= band <= real + step


def test_jpeg_ringing_does_not_hide_a_band() -> None:
    import io

    stream = io.BytesIO()
    letterboxed(painted((512, 384), seed=4), (0, 64, 0, 64), "black").save(
        stream, "JPEG", quality=70
    )
    left, top, right, bottom = measured(Image.open(stream)).borders
    assert (left, right) == (0, 0)
    assert 60 <= top <= 66
    assert 60 <= bottom <= 66


@pytest.mark.parametrize("behind", ["white", "black", "#ff00ff"])
def test_an_even_background_is_no_border(behind: str) -> None:
    assert measured(figure(behind=behind)).borders == (0, 0, 0, 0)
    floating = Image.new("RGB", (512, 512), behind)
    floating.paste(figure((300, 400), behind), (100, 40))
    assert measured(floating).borders == (0, 0, 0, 0)


def test_a_sky_over_a_straight_horizon_is_no_border() -> None:
    image = Image.new("RGB", (512, 512), "#80c0ff")
    image.paste(painted((512, 300), seed=6), (0, 212))
    assert measured(image).borders == (0, 0, 0, 0)


def test_a_picture_of_one_colour_has_no_borders() -> None:
    assert measured(Image.new("RGB", (512, 300), "white")).borders == (0, 0, 0, 0)


@settings(max_examples=30, deadline=None)
@given(st.tuples(st.integers(1, 70), st.integers(1, 70)), st.sampled_from(["RGB", "RGBA"]))
def test_any_size_can_be_looked_at(size: tuple[int, int], mode: str) -> None:
    seen = looks.look(painted((64, 64)).resize(size).convert(mode), size)
    assert len(seen.thumb) == looks.THUMB**2 * 3
    assert 0 <= seen.measures.brightness <= 255


def test_a_second_look_decodes_nothing(tmp_path: Path) -> None:
    for number in range(3):
        painted((600, 400), seed=number).save(tmp_path / f"{number}.jpg")
    with Dataset.open(tmp_path) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        first, issues = finish(looks.looks(dataset, dataset.usable()))
        for path in tmp_path.glob("*.jpg"):
            path.write_bytes(b"gone")
        again, none = finish(looks.looks(dataset, dataset.usable()))
        assert first == again
        assert not issues
        assert not none


def test_a_picture_that_cannot_be_read_is_an_issue_and_the_others_are_looked_at(
    tmp_path: Path,
) -> None:
    for name in ("a.png", "b.png"):
        painted((80, 80), seed=ord(name[0])).save(tmp_path / name)
    with Dataset.open(tmp_path) as dataset:
        finish(scan.run(dataset, scan.Settings()))
        (tmp_path / "a.png").write_bytes(b"no picture")
        seen, issues = finish(looks.looks(dataset, dataset.usable()))
    assert [issue.file for issue in issues] == ["a.png"]
    assert len(seen) == 1
