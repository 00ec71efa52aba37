"""One decode for everybody: upright, sRGB, 8 bit, RGB or RGBA; and the probe behind ``scan``."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from dataprep.errors import DataprepError
from dataprep.files import content_hash
from dataprep.store import Picture

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif"})
"""File endings that are looked at, in any case."""

MAX_PIXELS = 200_000_000
"""Above this a picture is refused as a decompression bomb."""

ORIENTATION_TAG = 0x0112
SWAPPED_SIDES = frozenset({5, 6, 7, 8})


class BadImage(DataprepError):
    """An image that cannot be used; the message is the reason, without the file's name."""


def find(root: Path) -> list[str]:
    """Names of the image files under ``root``, sorted, with forward slashes.

    Hidden folders and folders that ``dataprep export`` wrote (they hold a ``train.toml``) are
    left out.
    """
    names = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if _is_source(Path(folder, name))]
        names += [
            Path(folder, name).relative_to(root).as_posix()
            for name in files
            if Path(name).suffix.lower() in EXTENSIONS and not name.startswith(".")
        ]
    return sorted(names)


def _is_source(folder: Path) -> bool:
    return not folder.name.startswith(".") and not (folder / "train.toml").is_file()


def probe(root: Path, name: str) -> Picture:
    """Read one file whole and say what it is; ``reason`` tells why it cannot be used.

    Raises ``FileNotFoundError`` when it is gone.
    """
    path = root / name
    stat = path.stat()
    try:
        with _opened(path) as image:
            facts = _facts(image)
            # a header alone does not show that a file is cut short
            _load(image, at_least=(1, 1))
            reason = ""
    except BadImage as error:
        facts, reason = (0, 0, "", "", 1, 1), error.message
    return Picture(name, stat.st_size, stat.st_mtime_ns, content_hash(path), *facts, reason)


def decode(path: Path, at_least: tuple[int, int] | None = None) -> Image.Image:
    """The upright picture in 8-bit sRGB: "RGBA" when it has transparency, else "RGB".

    ``at_least`` (width, height of the upright picture, pixels) lets a JPEG be decoded at ½, ¼ or
    ⅛ as long as it stays that large. Raises ``BadImage``.
    """
    with _opened(path) as image:
        orientation = _orientation(image)
        wanted = at_least
        if wanted is not None and orientation in SWAPPED_SIDES:
            wanted = (wanted[1], wanted[0])
        _load(image, wanted)
        profile = image.info.get("icc_profile")
        # exif_transpose copies even what stands upright already
        upright = ImageOps.exif_transpose(image) if orientation > 1 else image
        return _to_srgb(_flat_mode(upright, bool(profile)), profile)


def _opened(path: Path) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with warnings.catch_warnings():
            # Pillow warns from MAX_PIXELS and raises from twice that: for us the first is enough
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", module="PIL.TiffImagePlugin")
            return Image.open(path)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImage(f"larger than {MAX_PIXELS // 1_000_000} megapixels") from None
    except UnidentifiedImageError:
        raise BadImage("not an image, or of a kind that cannot be read") from None
    except FileNotFoundError:
        raise BadImage("the file is gone") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise BadImage(f"cannot be opened ({error})") from None


def _load(image: Image.Image, at_least: tuple[int, int] | None) -> None:
    with _explained():
        if at_least is not None and image.format == "JPEG":
            image.draft(None, at_least)
        image.load()


@contextmanager
def _explained() -> Iterator[None]:
    """Say what Pillow stumbled over, in a sentence."""
    try:
        yield
    except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
        text = str(error)
        if "truncated" in text or "Truncated" in text or "broken data stream" in text:
            raise BadImage("truncated: the end of the file is missing") from None
        raise BadImage(f"cannot be decoded ({text})") from None


def _facts(image: Image.Image) -> tuple[int, int, str, str, int, int]:
    """Upright width and height, format, mode, orientation, frames."""
    orientation = _orientation(image)
    width, height = image.size
    if orientation in SWAPPED_SIDES:
        width, height = height, width
    frames = int(getattr(image, "n_frames", 1))
    return width, height, image.format or "", image.mode, orientation, frames


def _orientation(image: Image.Image) -> int:
    with _explained():
        # a PNG may hold its EXIF behind the pixels, so Pillow reads the whole file here
        value = image.getexif().get(ORIENTATION_TAG, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _flat_mode(image: Image.Image, has_profile: bool) -> Image.Image:
    """Any Pillow mode as one of RGB, RGBA (or CMYK, while a profile is still to be applied)."""
    if image.mode in {"RGB", "RGBA"}:
        return image
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image).convert("RGB")
    if image.mode == "CMYK" and has_profile:
        return image
    if image.mode in {"LA", "PA", "La", "RGBa"} or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB")


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit greyscale scaled to 8 bit; Pillow's own convert would clip it to white."""
    import numpy as np

    values = np.asarray(image, dtype=np.float64)
    ceiling = 65535.0 if values.max(initial=0) > 255 else 255.0
    return Image.fromarray((values / ceiling * 255.0).round().clip(0, 255).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Apply an embedded ICC profile; one that cannot be used is left out, as viewers do."""
    if not profile:
        return image
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode=mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        converted = None
    return converted or image.convert(mode)
