"""Pixels to the bytes of a training picture: quick, sRGB, without metadata unless asked."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import numpy as np
from PIL import Image

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
    import cv2

    # a third of the time of Pillow's quickest level, for a file a tenth larger
    done, data = cv2.imencode(".png", _for_opencv(image))
    if not done:
        raise ValueError(f"OpenCV writes no PNG of {image.size} {image.mode}")
    return bytes(data)


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


def _for_opencv(image: Image.Image) -> np.ndarray:
    import cv2

    pixels = np.asarray(image)
    turn = {"RGB": cv2.COLOR_RGB2BGR, "RGBA": cv2.COLOR_RGBA2BGRA}
    return pixels if image.mode == "L" else np.asarray(cv2.cvtColor(pixels, turn[image.mode]))


def _saved(image: Image.Image, form: str, *, exif: bytes = b"", **options: object) -> bytes:
    stream = io.BytesIO()
    if exif:
        options["exif"] = exif
    bare = image.copy()
    # Pillow would carry a profile or a comment of the original along
    bare.info = {}
    bare.save(stream, form, **options)
    return stream.getvalue()
