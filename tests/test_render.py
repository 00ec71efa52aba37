"""Render: one cut, one resample, one composite, the same for everybody."""

from pathlib import Path

import numpy as np
from PIL import Image

from dataprep.decisions import ALPHA, Background, Crop, Frame, encode_background, encode_crop
from dataprep.decisions import decode as decode_decisions
from dataprep.render import needed_size, render, render_file, render_mask


def test_decisions_survive_their_text() -> None:
    crop = Crop((1, 2, 101, 202), 64, 128)
    background = Background("demo", "#102030")
    rows = {"crop": encode_crop(crop), "background": encode_background(background)}
    decisions = decode_decisions(rows)
    assert (decisions.crop, decisions.background) == (crop, background)
    assert decisions.render_key != decode_decisions({}).render_key


def test_a_whole_crop_at_full_size_changes_no_pixel() -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 255, (64, 128, 3), np.uint8))
    assert render(image, Frame.of(*image.size), Crop((0, 0, 128, 64), 128, 64), None, None) == image


def test_composite_puts_the_colour_behind_and_keeps_the_subject() -> None:
    image = Image.new("RGB", (64, 64), "red")
    mask = Image.new("L", (64, 64), 0)
    mask.paste(255, (0, 0, 32, 64))
    out = render(image, Frame.of(*image.size), None, Background("m", "#0000ff"), mask)
    assert (out.getpixel((5, 5)), out.getpixel((60, 5))) == ((255, 0, 0), (0, 0, 255))
    cut_out = render(image, Frame.of(*image.size), None, Background("m", ALPHA), mask)
    assert cut_out.mode == "RGBA"
    assert cut_out.getpixel((60, 5))[3] == 0


def test_the_mask_is_cut_with_the_picture() -> None:
    image = Image.new("RGB", (200, 100), "red")
    mask = Image.new("L", (200, 100), 0)
    mask.paste(255, (100, 0, 200, 100))
    crop = Crop((100, 0, 200, 100), 64, 64)
    out = render(image, Frame.of(*image.size), crop, Background("m", "white"), mask)
    # only the filter's support at the cut's edge sees beyond it
    assert out.crop((3, 0, 64, 64)).getextrema() == ((255, 255), (0, 0), (0, 0))


def test_the_mask_is_finished_before_it_is_cut() -> None:
    image = Image.new("RGB", (200, 100), "red")
    mask = Image.new("L", (100, 50), 0)
    mask.paste(255, (60, 0, 100, 50))
    frame, crop = Frame.of(200, 100), Crop((100, 0, 200, 100), 64, 64)
    grown = Background("m", "#0000ff", grow=10)
    cut = np.asarray(render_mask(frame, crop, grown, mask))
    # 10 of the picture's pixels are 6.4 of the render's: the edge moves from 12.8 to 6.4
    assert set((cut >= 128).sum(axis=1).tolist()) <= {57, 58}
    out = np.asarray(render(image, frame, crop, grown, mask))
    assert (out[:, :, 0] >= 128).tolist() == (cut >= 128).tolist()


def test_a_mask_is_as_large_as_its_render() -> None:
    mask, chosen = Image.new("L", (64, 48), 255), Background("m", "white")
    frame = Frame((640, 480), (100, 100, 420, 340))
    assert render_mask(frame, None, chosen, mask).size == (320, 240)
    assert render_mask(frame, Crop((0, 0, 240, 240), 128, 128), chosen, mask).size == (128, 128)


def test_own_transparency_falls_on_white_without_a_decision() -> None:
    image = Image.new("RGBA", (8, 8), (10, 20, 30, 0))
    assert render(image, Frame.of(*image.size), None, None, None).getpixel((0, 0)) == (
        255,
        255,
        255,
    )


def test_a_draft_decode_shows_the_same_picture(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1200, 0:1600]
    smooth = np.stack([x / 1600 * 255, y / 1200 * 255, (x + y) / 2800 * 255], -1)
    Image.fromarray(smooth.astype(np.uint8)).save(tmp_path / "a.jpg", quality=95)
    crop = Crop((200, 0, 1400, 1200), 256, 256)
    size = (1600, 1200)
    assert needed_size(Frame.of(*size), crop) == (478, 358)
    quick = np.asarray(render_file(tmp_path / "a.jpg", Frame.of(*size), crop, None, None), float)
    with Image.open(tmp_path / "a.jpg") as image:
        whole = np.asarray(render(image.convert("RGB"), Frame.of(*size), crop, None, None), float)
    assert np.abs(quick - whole).mean() < 0.5
