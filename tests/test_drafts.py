"""A JPEG is decoded at a fraction only where the render stays within one level of the whole one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dataprep.decisions import Crop, Frame
from dataprep.drafts import MARGIN, is_faithful
from dataprep.images import decode
from dataprep.render import needed_size, render, render_file

SIZE = (1600, 1200)


def photograph(grain: float) -> Image.Image:
    """Noise of falling strength at every scale, and grain on top."""
    rng = np.random.default_rng(7)
    width, height = SIZE
    total = np.zeros((height, width, 3))
    for octave in range(1, 8):
        coarse = rng.normal(size=(height // 2**octave + 2, width // 2**octave + 2, 3))
        bands = [
            Image.fromarray(coarse[..., band].astype(np.float32)).resize(SIZE, 3)
            for band in range(3)
        ]
        total += np.stack([np.asarray(band) for band in bands], -1) * 2**octave
    total = (total - total.mean()) / total.std() * 50 + 128
    total += rng.normal(size=total.shape) * grain
    return Image.fromarray(total.clip(0, 255).astype(np.uint8))


def discs(number: int, outline: int, *, filled: bool) -> Image.Image:
    """Flat shapes with outlines: cartoons when filled, line drawings when not."""
    rng = np.random.default_rng(11)
    image = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(image)
    for _ in range(number):
        x, y = int(rng.integers(0, SIZE[0])), int(rng.integers(0, SIZE[1]))
        box = (x, y, x + int(rng.integers(5, 300)), y + int(rng.integers(5, 300)))
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        fill, line = (colour, "black") if filled else (None, colour)
        draw.ellipse(box, fill=fill, outline=line, width=outline)
    return image


SCENES: dict[str, Callable[[], Image.Image]] = {
    "photograph": lambda: photograph(2),
    "grainy": lambda: photograph(12),
    "very grainy": lambda: photograph(30),
    "cartoon": lambda: discs(60, 3, filled=True),
    "busy cartoon": lambda: discs(400, 5, filled=True),
    "lines": lambda: discs(400, 2, filled=False),
}


@pytest.mark.parametrize("name", SCENES)
def test_a_render_is_within_one_level_of_the_whole_decode(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]()
    for quality, chroma in ((75, 2), (92, 2), (95, 0)):
        path = tmp_path / "a.jpg"
        scene.save(path, quality=quality, subsampling=chroma)
        whole = decode(path)
        for side in (384, 256, 128):
            crop = Crop((200, 0, 1400, 1200), side, side)
            quick = render_file(path, Frame.of(*SIZE), crop, None, None)
            exact = render(whole, Frame.of(*SIZE), crop, None, None)
            difference = np.abs(np.asarray(quick, int) - np.asarray(exact, int)).mean()
            assert difference <= 1.0, (quality, chroma, side)


def test_photographs_and_cartoons_are_decoded_at_a_fraction(tmp_path: Path) -> None:
    crop = Crop((200, 0, 1400, 1200), 384, 384)
    wanted = needed_size(Frame.of(*SIZE), crop)
    assert wanted is not None
    for name, taken in (("photograph", True), ("cartoon", True), ("lines", False)):
        SCENES[name]().save(tmp_path / "a.jpg", quality=92)
        half = decode(tmp_path / "a.jpg", wanted)
        assert half.size == (800, 600)
        assert is_faithful(half, 600 / 384) is taken, name


def test_below_the_margin_the_whole_is_wanted() -> None:
    frame = Frame.of(1000, 1000)
    assert needed_size(frame, Crop((0, 0, 1000, 1000), 704, 704)) == (986, 986)
    assert needed_size(frame, Crop((0, 0, 1000, 1000), 768, 768)) is None
    assert MARGIN * 704 <= 986
