"""What a tagger sees of a picture, pixel for pixel as its makers prepare it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.render import flatten
from dataprep.resample import shrunk
from dataprep.taggers.manifest import Manifest

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Size = tuple[int, int]
RESAMPLE = {
    # what TensorFlow calls area is the mean of the pixels beneath
    "area": Image.Resampling.BOX,
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


def prepare(image: Image.Image, size: int, family: Manifest, quick: bool = False) -> Pixels:
    """A picture flattened, made square and resized once: uint8 RGB, shape (size, size, 3).

    ``quick``: a bicubic that is half a level of 255 off on the mean, at most, will do.
    """
    flat, resample = flatten(image, family.background), RESAMPLE[family.resample]
    if quick and (family.fit, family.resample) == ("pad", "bicubic"):
        return shrunk(_squared(flat, family), (size, size), resample)
    if family.fit == "pad":
        return np.asarray(_padded(flat, size, family))
    small = (
        flat
        if flat.size == (size, size)
        else flat.resize(inside(flat.size, size, family), resample)
    )
    if small.size == (size, size):
        return np.asarray(small)
    if family.fit == "edge":
        return _repeated(np.asarray(small), size)
    canvas = Image.new("RGB", (size, size), family.pad)
    canvas.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return np.asarray(canvas)


def inside(picture: Size, size: int, family: Manifest) -> Size:
    """The pixels that a picture (width, height) takes of the square after the resize."""
    if family.fit == "squash":
        return size, size
    longest = max(picture)
    width, height = (max(1, size * side // longest) for side in picture)
    return width, height


def feed(batch: Pixels, family: Manifest) -> Floats:
    """Prepared pictures (n, size, size, 3) as the network takes them: float32, in its layout."""
    count, height, width, _ = batch.shape
    planar = family.layout == "NCHW"
    values = np.empty(
        (count, 3, height, width) if planar else (count, height, width, 3), np.float32
    )
    for channel, (factor, offset) in enumerate(zip(*_line(family), strict=True)):
        levels = batch[..., 2 - channel if family.colour == "BGR" else channel]
        target = values[:, channel] if planar else values[..., channel]
        np.multiply(levels, factor, out=target, dtype=np.float32)
        if offset:
            target += offset
    return values


def _line(family: Manifest) -> tuple[Floats, Floats]:
    """Scale, mean and deviation as a factor and an offset for each channel."""
    std = np.array(family.std)
    factor = 1 / (family.scale * std)
    return factor.astype(np.float32), (-np.array(family.mean) / std).astype(np.float32)


def _squared(image: Image.Image, family: Manifest) -> Pixels:
    """A picture amid a square of its longer side."""
    import cv2

    side = max(image.size)
    left, top = (side - image.width) // 2, (side - image.height) // 2
    edges = top, side - image.height - top, left, side - image.width - left
    square: Pixels = cv2.copyMakeBorder(
        np.asarray(image), *edges, cv2.BORDER_CONSTANT, value=family.pad
    )
    return square


def _padded(image: Image.Image, size: int, family: Manifest) -> Image.Image:
    resample = RESAMPLE[family.resample]
    width, height = image.size
    side = max(width, height)
    canvas_width = side
    if width > height:
        # Pillow resizes widths first in any case, so doing that before the padding leaves every
        # pixel as it was, and spares most of a canvas that can be 100 MB large
        image = image.resize((size, height), resample)
        canvas_width = size
    if image.size != (canvas_width, side):
        canvas = Image.new("RGB", (canvas_width, side), family.pad)
        canvas.paste(image, ((canvas_width - image.width) // 2, (side - height) // 2))
        image = canvas
    return image if image.size == (size, size) else image.resize((size, size), resample)


def _repeated(pixels: Pixels, size: int) -> Pixels:
    """A picture amid a square, its outermost pixels repeated to the square's edges."""
    above, left = size // 2 - pixels.shape[0] // 2, size // 2 - pixels.shape[1] // 2
    below, right = size - pixels.shape[0] - above, size - pixels.shape[1] - left
    return np.pad(pixels, ((above, below), (left, right), (0, 0)), "edge")
