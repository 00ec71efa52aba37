"""What a tagger sees of a picture, pixel for pixel as its makers prepare it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.render import flatten
from dataprep.taggers.manifest import Manifest

Pixels = npt.NDArray[np.uint8]
RESAMPLE = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


def prepare(image: Image.Image, size: int, family: Manifest) -> Pixels:
    """A picture flattened, padded to a square and resized once: uint8, shape (size, size, 3).

    Channels stand in the family's order. The picture must be decoded whole: padding after the
    resize, or a JPEG decoded at a fraction, moves scores.
    """
    pixels = np.asarray(_squared(flatten(image, family.pad), size, family))
    return np.ascontiguousarray(pixels[:, :, ::-1] if family.colour == "BGR" else pixels)


def _squared(image: Image.Image, size: int, family: Manifest) -> Image.Image:
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
