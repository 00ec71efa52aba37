"""The one decode: whatever lies in the folder comes out upright, sRGB, RGB or RGBA."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from dataprep.images import BadImage, decode, find, probe

RED, GREEN, BLUE, GREY = (220, 40, 40), (40, 200, 60), (40, 60, 210), (128, 128, 128)


def quadrants(width: int = 96, height: int = 64) -> Image.Image:
    """Red and green above, blue and grey below: any turn or flip shows."""
    image = Image.new("RGB", (width, height), GREY)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def assert_upright(image: Image.Image, tolerance: int = 6) -> None:
    width, height = image.size
    assert width > height
    rgb = image.convert("RGB")
    for colour, place in [
        (RED, (width // 4, height // 4)),
        (GREEN, (3 * width // 4, height // 4)),
        (BLUE, (width // 4, 3 * height // 4)),
        (GREY, (3 * width // 4, 3 * height // 4)),
    ]:
        assert np.abs(np.subtract(rgb.getpixel(place), colour)).max() <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path: Path, orientation: int) -> None:
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    image = quadrants()
    stored = image.transpose(turns[orientation]) if orientation in turns else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.jpg"
    stored.save(path, quality=95, subsampling=0, exif=exif)
    assert_upright(decode(path))
    assert_upright(decode(path, at_least=(24, 16)), tolerance=16)
    picture = probe(tmp_path, "a.jpg")
    assert (picture.width, picture.height, picture.orientation) == (96, 64, orientation)
    assert picture.reason == ""


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("RGB", ".png"), ("P", ".png"), ("P", ".gif"), ("CMYK", ".jpg"), ("CMYK", ".tif"),
     ("RGB", ".webp"), ("RGB", ".bmp"), ("RGB", ".tiff"), ("RGBA", ".png"), ("RGB", ".PNG")],
)  # fmt: skip
def test_modes_and_formats(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    image = quadrants().quantize(16) if mode == "P" else quadrants().convert(mode)
    image.save(path)
    image = decode(path)
    assert image.mode == ("RGBA" if mode == "RGBA" else "RGB")
    assert_upright(image, tolerance=12)


def test_transparency_survives_as_alpha(tmp_path: Path) -> None:
    grey = Image.new("LA", (8, 8), (100, 0))
    grey.save(tmp_path / "la.png")
    palette = quadrants(8, 8).quantize(16)
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    assert decode(tmp_path / "la.png").getpixel((0, 0)) == (100, 100, 100, 0)
    assert decode(tmp_path / "p.png").getchannel("A").getextrema() == (0, 255)


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16).reshape(1, 64).repeat(8, 0)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    row = np.asarray(decode(tmp_path / "a.png"))[0, :, 0]
    assert np.abs(row - np.linspace(0, 255, 64)).max() <= 1


def test_a_profile_is_applied(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    quadrants().save(tmp_path / "a.png", icc_profile=lab.tobytes())
    quadrants().save(tmp_path / "b.png", icc_profile=b"not a profile")
    assert_upright(decode(tmp_path / "a.png"))
    assert_upright(decode(tmp_path / "b.png"))


def test_a_truncated_file_is_named_so_and_nothing_else_stops(tmp_path: Path) -> None:
    quadrants(512, 512).save(tmp_path / "whole.jpg")
    kinds = ("jpg", "png", "webp", "bmp", "gif", "tiff")
    noise = Image.effect_noise((300, 300), 90).convert("RGB")
    for kind in kinds:
        noise.save(tmp_path / f"cut.{kind}")
        data = (tmp_path / f"cut.{kind}").read_bytes()
        (tmp_path / f"cut.{kind}").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "empty.png").write_bytes(b"")
    reasons = {name: probe(tmp_path, name).reason for name in find(tmp_path)}
    assert reasons["whole.jpg"] == ""
    assert all(reasons[f"cut.{kind}"] for kind in kinds)
    assert "truncated" in reasons["cut.jpg"]
    assert "truncated" in reasons["cut.png"]
    assert "not an image" in reasons["text.png"]
    assert "not an image" in reasons["empty.png"]
    with pytest.raises(BadImage, match="truncated"):
        decode(tmp_path / "cut.jpg")


def test_a_bomb_is_refused_with_one_line(tmp_path: Path) -> None:
    Image.new("1", (20_000, 12_000)).save(tmp_path / "bomb.png")
    assert probe(tmp_path, "bomb.png").reason == "larger than 200 megapixels"


def test_find_leaves_out_what_is_not_the_users(tmp_path: Path) -> None:
    for name in ("a.PNG", "sub/b.jpeg", ".hidden/c.png", "lora/img/10_x/d.png", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / "lora/train.toml").write_text("")
    assert find(tmp_path) == ["a.PNG", "sub/b.jpeg"]
