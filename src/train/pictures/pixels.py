"""From a picture's file to the pixels that are encoded, and to its mask.

A picture is scaled until it covers its bucket; what is cut away beyond it is the same for its
mask. Values from here on depend on nothing random: that is ``train.pictures.varying``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from dataprep.buckets import Bucket, cover
from dataprep.images import BadImage, decode
from dataprep.render import flatten
from train.config import LATENT_PIXELS
from train.data.item import Item

Pixels = npt.NDArray[np.uint8]
"""(height, width, 3), RGB."""
BLACK = (0, 0, 0)
SAME_SHAPE = 0.02
"""By so much the aspects of a picture and its mask may differ."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a picture becomes one of its bucket's size; all in pixels."""

    width: int
    """Of the whole picture, resized."""
    height: int
    left: int
    """Of the cut in the resized picture."""
    top: int
    bucket: Bucket

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in the resized picture."""
        return self.left, self.top, self.left + self.bucket[0], self.top + self.bucket[1]

    def corner(self, is_mirrored: bool) -> tuple[int, int]:
        """Left and top of the cut, in the mirrored picture if that is what is used."""
        right = self.width - self.bucket[0] - self.left
        return (right if is_mirrored else self.left), self.top


def centred(item: Item) -> Cut:
    """The cut from the middle."""
    return Cut(*cover(*item.size, item.bucket), item.bucket)


def picture_of(item: Item) -> Image.Image:
    """A picture in RGB, at least as large as its bucket. Raises ``BadImage``.

    Transparency is laid on white; where it is the mask, the colours behind it stay.
    """
    image = decode(item.path, at_least=item.bucket)
    return image.convert("RGB") if item.alpha_mask else flatten(image)


def mask_of(item: Item) -> Image.Image | None:
    """A picture's mask, "L", light where it counts; None: all of it does. Raises ``BadImage``.

    A mask's own transparency is dark.
    """
    if item.mask is not None:
        return _mask_file(item.mask, item.size)
    image = decode(item.path) if item.alpha_mask else None
    return image.getchannel("A") if image is not None and image.mode == "RGBA" else None


def _mask_file(path: Path, size: tuple[int, int]) -> Image.Image:
    try:
        mask = flatten(decode(path), BLACK).convert("L")
    except BadImage as error:
        raise BadImage(f"its mask {path.name}: {error.message}") from None
    across, down = mask.width * size[1], mask.height * size[0]
    if abs(across - down) > SAME_SHAPE * max(across, down):
        raise BadImage(
            f"its mask {path.name} ({mask.width}×{mask.height}) is of another shape than the "
            f"picture ({size[0]}×{size[1]})"
        )
    return mask


def cut_out(image: Image.Image, cut: Cut) -> Pixels:
    """The cut's part of a picture: (height, width, 3), of a mask (height, width)."""
    size = (cut.width, cut.height)
    if image.size != size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return np.asarray(image.crop(cut.box))


def to_tensor(pixels: Pixels, is_mirrored: bool = False) -> torch.Tensor:
    """Pixels as the VAE takes them: (3, height, width), -1..1."""
    if is_mirrored:
        pixels = pixels[:, ::-1]
    array = pixels.astype(np.float32) / 127.5 - 1
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


def on_latents(mask: Pixels) -> torch.Tensor:
    """A mask (height, width), 0..255, averaged over each latent: (1, height/8, width/8), 0..1."""
    height, width = mask.shape[0] // LATENT_PIXELS, mask.shape[1] // LATENT_PIXELS
    tiles = mask.reshape(height, LATENT_PIXELS, width, LATENT_PIXELS)
    return torch.from_numpy(tiles.mean((1, 3), dtype=np.float32) / 255)[None]
