"""Composites without a rim: as if the subject had been painted on the new ground at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from dataprep.compositing import composite, subject_colours
from dataprep.decisions import ALPHA, BLUR

SIDE = 256
Colour = tuple[int, int, int]
CASES = [
    ((200, 120, 60), (8, 8, 20)),
    ((60, 40, 120), (250, 250, 240)),
    ((230, 60, 60), (20, 160, 40)),
]
"""A subject's colour, and that of what it was photographed before."""


def cut(shape: str, softness: float) -> np.ndarray:
    """The share of the subject in every pixel, 0..1: (SIDE, SIDE, 1)."""
    mask = Image.new("L", (SIDE, SIDE), 0)
    draw = ImageDraw.Draw(mask)
    middle, radius = SIDE / 2, SIDE * (0.3 if shape == "disc" else 0.15)
    draw.ellipse([middle - radius, middle - radius, middle + radius, middle + radius], fill=255)
    if shape == "strands":
        for angle in np.arange(0, 2 * np.pi, 0.4):
            end = (middle + SIDE * 0.4 * np.cos(angle), middle + SIDE * 0.4 * np.sin(angle))
            draw.line([(middle, middle), end], fill=255, width=4)
    soft = mask.filter(ImageFilter.GaussianBlur(softness))
    return np.asarray(soft, float)[:, :, None] / 255


def painted(share: np.ndarray, subject: Colour, ground: Colour) -> Image.Image:
    mixture = share * subject + (1 - share) * np.array(ground, float)
    return Image.fromarray(np.rint(mixture).astype(np.uint8))


def as_mask(share: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(share[:, :, 0] * 255).astype(np.uint8))


@pytest.mark.parametrize("softness", [1, 3])
@pytest.mark.parametrize("shape", ["disc", "strands"])
@pytest.mark.parametrize(("subject", "ground"), CASES)
def test_no_rim_of_the_old_ground_is_left(
    subject: Colour, ground: Colour, shape: str, softness: float
) -> None:
    share = cut(shape, softness)
    image, mask = painted(share, subject, ground), as_mask(share)
    for new in ((255, 255, 255), (0, 0, 0)):
        wanted = np.asarray(painted(share, subject, new), float)
        out = np.asarray(composite(image, mask, "#{:02x}{:02x}{:02x}".format(*new)), float)
        naive = np.asarray(Image.composite(image, Image.new("RGB", image.size, new), mask), float)
        assert np.abs(out - wanted).max() <= 5
        assert np.abs(naive - wanted).max() >= 35


def test_a_shaded_subject_keeps_its_shades_at_the_edge() -> None:
    share = cut("disc", 3)
    y, x = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    subject = np.dstack([255 * x, 255 * y, 255 * (1 - x)])
    mixture = share * subject + (1 - share) * np.array((10.0, 10.0, 10.0))
    image = Image.fromarray(mixture.astype(np.uint8))
    off = np.abs(composite(image, as_mask(share), "white") - (share * subject + (1 - share) * 255))
    edge = (share[:, :, 0] > 0) & (share[:, :, 0] < 1)
    assert off.max() <= 14
    assert off[edge].mean() <= 4


def test_plain_pixels_stay_as_they_are() -> None:
    rng = np.random.default_rng(4)
    image = rng.integers(0, 256, (64, 96, 3), np.uint8)
    alpha = rng.choice(np.array([0, 90, 255], np.uint8), (64, 96))
    out = subject_colours(image, alpha, np.full_like(alpha, 255))
    assert (out[alpha != 90] == image[alpha != 90]).all()
    on_red = np.asarray(composite(Image.fromarray(image), Image.fromarray(alpha), "red"))
    assert (on_red[alpha == 255] == image[alpha == 255]).all()
    assert (on_red[alpha == 0] == (255, 0, 0)).all()


def test_alpha_holds_the_subjects_colour_and_white_elsewhere() -> None:
    share, (subject, ground) = cut("disc", 3), CASES[0]
    mask = as_mask(share)
    out = np.asarray(composite(painted(share, subject, ground), mask, ALPHA))
    assert (out[:, :, 3] == np.asarray(mask)).all()
    assert (out[out[:, :, 3] == 0][:, :3] == 255).all()
    visible = out[out[:, :, 3] >= 64][:, :3].astype(float)
    assert np.abs(visible - subject).max() <= 12


def test_own_transparency_stays_outside_and_its_hidden_colours_have_no_say() -> None:
    share, (subject, ground) = cut("disc", 2), CASES[0]
    image = painted(share, subject, ground).convert("RGBA")
    own = Image.new("L", image.size, 255)
    own.paste(0, (0, 0, SIDE // 2, SIDE))
    image.paste((255, 0, 255), (0, 0, SIDE // 2, SIDE))
    image.putalpha(own)
    out = np.asarray(composite(image, as_mask(share), "white"), float)
    wanted = np.asarray(painted(share, subject, (255, 255, 255)), float)
    assert (out[:, : SIDE // 2] == 255).all()
    assert np.abs(out - wanted)[:, SIDE // 2 :].max() <= 5
    clear = np.asarray(composite(image, as_mask(share), ALPHA))
    assert clear[:, : SIDE // 2, 3].max() == 0


def test_the_blurred_ground_has_nothing_of_the_subject() -> None:
    share, (subject, ground) = cut("disc", 2), CASES[1]
    image = painted(share, subject, ground)
    out = np.asarray(composite(image, as_mask(share), BLUR), float)
    assert np.abs(out - np.asarray(image, float)).max() <= 5


def test_the_blurred_ground_is_out_of_focus() -> None:
    stripes = np.zeros((SIDE, SIDE, 3), np.uint8)
    stripes[:, ::2] = 255
    mask = as_mask(cut("disc", 1))
    out = np.asarray(composite(Image.fromarray(stripes), mask, BLUR), float)
    assert np.abs(out[:20] - 127.5).max() <= 3
    hidden = Image.new("RGBA", (64, 64), (200, 10, 10, 0))
    assert composite(hidden, Image.new("L", (64, 64), 255), BLUR).getextrema() == ((255, 255),) * 3


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["white", BLUR, ALPHA]),
    st.sampled_from(["RGB", "RGBA"]),
)
def test_any_picture_and_mask_can_be_composed(
    width: int, height: int, seed: int, behind: str, mode: str
) -> None:
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(0, 256, (height, width, len(mode)), np.uint8))
    mask = rng.choice(np.array([0, 3, 128, 255], np.uint8), (height, width))
    out = composite(image, Image.fromarray(mask), behind)
    assert (out.size, out.mode) == (image.size, "RGBA" if behind == ALPHA else "RGB")
    if behind == "white":
        assert (np.asarray(out)[mask == 0] == 255).all()
