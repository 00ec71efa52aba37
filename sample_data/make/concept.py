"""Writes the sample concept: pictures of zumi with the oddities a real folder has.

Run from the repository root: `python -m sample_data.make.concept`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageFilter

from .painter import cutout, paint
from .world import Scene, zumi_scene

FOLDER = Path(__file__).resolve().parent.parent / "zumi"
SEED = 2024
_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Piece:
    """One file to write; sizes in pixels as a viewer shows it, upright."""

    name: str
    width: int
    height: int
    framing: str
    background: str
    encode: Callable[[Scene, int, int], bytes]
    headwear: str | None = None


def _jpeg_bytes(image: Image.Image, quality: int = 88, **options: object) -> bytes:
    target = BytesIO()
    image.save(target, "JPEG", quality=quality, optimize=True, **options)
    return target.getvalue()


def _png_bytes(image: Image.Image) -> bytes:
    target = BytesIO()
    image.save(target, "PNG", optimize=True)
    return target.getvalue()


def jpeg(scene: Scene, width: int, height: int) -> bytes:
    """The plain case."""
    return _jpeg_bytes(paint(scene, width, height).image)


def turned_jpeg(scene: Scene, width: int, height: int) -> bytes:
    """Stored lying on its side, as a camera does; EXIF orientation 6 sets it upright."""
    stored = paint(scene, width, height).image.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    return _jpeg_bytes(stored, exif=exif)


def cmyk_jpeg(scene: Scene, width: int, height: int) -> bytes:
    """Made for print: four inks, no colour profile."""
    return _jpeg_bytes(paint(scene, width, height).image.convert("CMYK"))


def blurred_jpeg(scene: Scene, width: int, height: int) -> bytes:
    """Out of focus beyond repair."""
    image = paint(scene, width, height).image
    return _jpeg_bytes(image.filter(ImageFilter.GaussianBlur(min(width, height) / 70)))


def recoded_jpeg(scene: Scene, width: int, height: int) -> bytes:
    """What a picture looks like after a repost: a little smaller, compressed once more."""
    once = Image.open(BytesIO(jpeg(scene, round(width / 0.92), round(height / 0.92))))
    return _jpeg_bytes(once.resize((width, height), Image.Resampling.BICUBIC), quality=72)


def truncated_jpeg(scene: Scene, width: int, height: int) -> bytes:
    """A download that broke off: the header is whole, most of the pixels are missing."""
    whole = jpeg(scene, width, height)
    return whole[: len(whole) * 2 // 5]


def png(scene: Scene, width: int, height: int) -> bytes:
    """Lossless RGB."""
    return _png_bytes(paint(scene, width, height).image)


def transparent_png(scene: Scene, width: int, height: int) -> bytes:
    """The character alone on transparency; hidden pixels are black."""
    return _png_bytes(cutout(scene, width, height))


def palette_png(scene: Scene, width: int, height: int) -> bytes:
    """48 colours, mode P."""
    few = paint(scene, width, height).image.quantize(48, dither=Image.Dither.NONE)
    return _png_bytes(few)


def webp(scene: Scene, width: int, height: int) -> bytes:
    """Lossy WebP."""
    target = BytesIO()
    paint(scene, width, height).image.save(target, "WEBP", quality=88, method=6)
    return target.getvalue()


PIECES: tuple[Piece, ...] = (
    Piece("zumi_00.jpg", 768, 768, "full_body", "meadow", jpeg),
    Piece("zumi_01.jpg", 640, 896, "full_body", "night", jpeg),
    Piece("zumi_02.jpg", 832, 832, "upper_body", "beach", jpeg),
    Piece("zumi_03.jpg", 1024, 683, "full_body", "room", jpeg, "straw_hat"),
    Piece("zumi_04.jpg", 720, 720, "portrait", "striped", jpeg),
    Piece("zumi_05_turned.jpg", 600, 900, "full_body", "beach", turned_jpeg),
    Piece("zumi_06_transparent.png", 640, 800, "full_body", "white", transparent_png),
    Piece("zumi_07_palette.png", 560, 700, "full_body", "plain", palette_png, "ribbon"),
    Piece("zumi_08_cmyk.jpg", 700, 700, "upper_body", "polka_dot", cmyk_jpeg),
    Piece("zumi_09.webp", 900, 700, "upper_body", "night", webp),
    Piece("zumi_10_[picnic].jpg", 960, 640, "full_body", "meadow", jpeg, "straw_hat"),
    Piece("zumi_11_夏の海.jpg", 1088, 720, "full_body", "beach", jpeg),
    Piece("zumi_12.jpg", 512, 768, "full_body", "gradient", jpeg),
    Piece("zumi_13.png", 600, 600, "full_body", "white", png),
    Piece("zumi_14.jpg", 800, 600, "portrait", "meadow", jpeg),
    Piece("zumi_15.jpg", 576, 1024, "full_body", "striped", jpeg),
    Piece("zumi_16.jpg", 800, 1000, "upper_body", "room", jpeg, "ribbon"),
    Piece("zumi_17.jpg", 640, 640, "full_body", "polka_dot", jpeg, "cat_ears"),
    Piece("zumi_18.jpg", 768, 960, "portrait", "gradient", jpeg),
    Piece("zumi_19.jpg", 1100, 618, "upper_body", "gradient", jpeg),
    Piece("zumi_20.jpg", 680, 850, "upper_body", "white", jpeg, "witch_hat"),
    Piece("zumi_21_copy.jpg", 765, 765, "upper_body", "beach", recoded_jpeg),
    Piece("zumi_22_blurred.jpg", 700, 700, "full_body", "room", blurred_jpeg),
    Piece("zumi_23_truncated.jpg", 700, 900, "upper_body", "plain", truncated_jpeg),
)
# The copy shows the very scene of another picture.
_COPIES = {"zumi_21_copy.jpg": "zumi_02.jpg"}


def scene_of(piece: Piece) -> Scene:
    """The scene a piece shows; it depends on its name alone, not on its place in the list."""
    rng = random.Random(f"{SEED} {_COPIES.get(piece.name, piece.name)}")
    scene = zumi_scene(rng)
    if piece.framing == "portrait":
        scene = replace(scene, arms="arms_at_sides")
    return replace(
        scene,
        framing=piece.framing,
        background=piece.background,
        headwear=piece.headwear,
        sitting=piece.framing == "full_body" and rng.random() < 0.35,
    )


def write(folder: Path) -> Iterator[Path]:
    """Write every piece into the folder, yielding each path once it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for piece in PIECES:
        path = folder / piece.name
        path.write_bytes(piece.encode(scene_of(piece), piece.width, piece.height))
        yield path


def main() -> None:
    """Write the folder anew and say how large it became."""
    total = sum(path.stat().st_size for path in write(FOLDER))
    print(f"{len(PIECES)} pictures, {total / 1e6:.2f} MB, in {FOLDER}")


if __name__ == "__main__":
    main()
