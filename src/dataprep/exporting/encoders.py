"""Pixels to the bytes of a training picture: quick, sRGB, without metadata unless asked."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
from PIL import Image

from dataprep import png
from dataprep.images import ORIENTATION_TAG

Format = Literal["png", "webp", "jpg"]

ENDINGS: dict[Format, str] = {"png": ".png", "webp": ".webp", "jpg": ".jpg"}
FULL_CHROMA = 90
"""From this JPEG quality on colour is kept at full resolution."""


def encode(image: Image.Image, form: Format, quality: int, exif: bytes = b"") -> bytes:
    """A picture ("L", "RGB", or "RGBA" but for JPEG) as the bytes of a file.

    PNG and WebP are lossless, at the level that costs least time; ``quality`` (1..100) is JPEG's.
    """
    return ENCODERS[form](image, quality, exif)


def exif_of(image: Image.Image) -> bytes:
    """The EXIF block of an original for a copy that stands upright."""
    exif = image.getexif()
    exif.pop(ORIENTATION_TAG, None)
    return exif.tobytes() if len(exif) else b""


def _png(image: Image.Image, quality: int, exif: bytes) -> bytes:
    if exif:
        return _saved(image, "PNG", compress_level=1, exif=exif)
    return png.encode(np.asarray(image))


def _webp(image: Image.Image, quality: int, exif: bytes) -> bytes:
    # exact: colours under full transparency stay, trainers that drop alpha show them
    return _saved(image, "WEBP", lossless=True, quality=0, method=0, exact=True, exif=exif)


def _jpg(image: Image.Image, quality: int, exif: bytes) -> bytes:
    chroma = 0 if quality >= FULL_CHROMA else 2
    return _saved(image, "JPEG", quality=quality, subsampling=chroma, exif=exif)


ENCODERS: dict[Format, Callable[[Image.Image, int, bytes], bytes]] = {
    "png": _png,
    "webp": _webp,
    "jpg": _jpg,
}


def _saved(image: Image.Image, form: str, *, exif: bytes = b"", **options: object) -> bytes:
    stream = io.BytesIO()
    if exif:
        options["exif"] = exif
    bare = image.copy()
    # Pillow would carry a profile or a comment of the original along
    bare.info = {}
    bare.save(stream, form, **options)
    return stream.getvalue()
