"""How one use of a picture differs from the next: mirrored, cut elsewhere, shaded.

Every draw follows from the seed, the epoch and the use.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.data.item import Item, Use
from train.pictures.pixels import Cut, Pixels, centred
from train.seeds import Key, uniform

HUE = 15.0
"""The most that hues turn, degrees."""
SATURATION, VALUE = 0.15, 0.05
"""The most that saturation and brightness grow or shrink, as shares."""


@dataclass(frozen=True, slots=True)
class Shade:
    """A change of colours."""

    hue: float = 0.0
    """Degrees."""
    saturation: float = 1.0
    """Factor; so is the next."""
    value: float = 1.0


def is_mirrored(use: Use, seed: int, epoch: int) -> bool:
    """Whether this use shows the picture mirrored: half of them do."""
    return use.item.augment.flip and uniform(seed, "flip", *_key(use, epoch)) < 0.5


def cut_of(use: Use, seed: int, epoch: int) -> Cut:
    """The cut of this use: the middle, or with ``random_crop`` anywhere, each place as likely."""
    cut = centred(use.item)
    if not use.item.augment.random_crop:
        return cut
    across = cut.width - cut.bucket[0] + 1
    down = cut.height - cut.bucket[1] + 1
    left = int(uniform(seed, "crop left", *_key(use, epoch)) * across)
    top = int(uniform(seed, "crop top", *_key(use, epoch)) * down)
    return Cut(cut.width, cut.height, left, top, cut.bucket)


def shade_of(use: Use, seed: int, epoch: int) -> Shade:
    """The colours of this use: as they are, or with ``color_aug`` a little off."""
    if not use.item.augment.color:
        return Shade()

    def drawn(what: str, most: float) -> float:
        return (2 * uniform(seed, what, *_key(use, epoch)) - 1) * most

    return Shade(drawn("hue", HUE), 1 + drawn("saturation", SATURATION), 1 + drawn("value", VALUE))


def shaded(pixels: Pixels, shade: Shade) -> Pixels:
    """Pixels in other colours; grey stays grey. (height, width, 3), RGB."""
    if shade == Shade():
        return pixels
    import cv2

    hsv = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + shade.hue) % 360
    hsv[..., 1:] = np.clip(hsv[..., 1:] * (shade.saturation, shade.value), 0, 1)
    rgb = cv2.cvtColor(hsv.astype(np.float32), cv2.COLOR_HSV2RGB)
    return np.asarray(np.rint(np.clip(rgb, 0, 1) * 255), np.uint8)


def letterbox(item: Item, is_mirrored: bool) -> tuple[int, int]:
    """Left and top as ``get_crop_ltrb`` of sd-scripts gives them for SDXL.

    They are those of the picture fitted into its bucket, though it is cut: where one is cut off at
    the sides, this tells of a margin above (1500×1000 in 1216×832: 0, 10; the cut is at 16, 0).
    """
    (width, height), (across, down) = item.size, item.bucket
    fitted_w, fitted_h = float(across), float(down)
    if across / down > width / height:
        fitted_w = down * (width / height)
    else:
        fitted_h = across / (width / height)
    left, top = (across - fitted_w) // 2, (down - fitted_h) // 2
    return int(across - (left + fitted_w) if is_mirrored else left), int(top)


def _key(use: Use, epoch: int) -> tuple[Key, ...]:
    return epoch, use.item.name, use.repeat
