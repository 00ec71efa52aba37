"""Put a subject before another background without a rim of the old one around it.

A pixel of a soft edge is a mixture of subject and background. What goes before the new background
is an estimate of the subject's colour alone. It is made as in blur fusion (Forte, "Approximate Fast
Foreground Colour Estimation", ICIP 2021): means of both around the pixel, and what they leave
unexplained of it is put on the subject. Other than there, the means are taken of nearly pure pixels
only, in a small copy of the picture, and from as near as there are any.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from dataprep.decisions import ALPHA, BLUR

Colours = npt.NDArray[np.uint8]
"""(height, width, 3), RGB."""
Opacity = npt.NDArray[np.uint8]
"""(height, width), 255 is opaque."""
Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

SMALL = 128
"""Longer side of the copy in which means are taken (pixels)."""
REACHES = (1 / 6, 1 / 24, 1 / 128)
"""Half sides of the windows of the means, as shares of the longer side, the widest first."""
SQUARINGS = 4
"""So often the share of subject or background is squared to weigh a pixel: 0.9 weighs 0.19."""
TRUST = 0.3
"""Mean weight in a window from which its own mean counts more than that of the wider one."""
BLUR_SHARE = 1 / 40
"""Standard deviation of the blurred background, as a share of the longer side."""
FAINT = 4
"""So little of subject or background in a pixel is not seen (1.5 %): networks seldom say just 0."""
TINY = 1e-6


def composite(image: Image.Image, mask: Image.Image, behind: str) -> Image.Image:
    """The subject before ``behind``: "alpha", "blur" or a colour (``decisions.Background``).

    ``image`` is in RGB or RGBA, ``mask`` an "L" of its size. What is transparent in the image
    stays outside the subject; blurred, it is white. Returns "RGBA" for "alpha", where fully
    transparent pixels are white, else "RGB".
    """
    own = image.getchannel("A") if image.mode == "RGBA" else Image.new("L", image.size, 255)
    opacity, picture = ImageChops.multiply(mask, own), image.convert("RGB")
    colours = subject_colours(np.asarray(picture), np.asarray(mask), np.asarray(own))
    if behind == ALPHA:
        colours[np.asarray(opacity) < FAINT] = 255
        cut_out = Image.fromarray(colours)
        cut_out.putalpha(opacity)
        return cut_out
    ground = Image.new("RGB", image.size, "white" if behind == BLUR else behind)
    if behind == BLUR:
        seen = Image.composite(picture, ground, own)
        ground = Image.fromarray(blurred_background(np.asarray(seen), np.asarray(opacity)))
    return Image.composite(Image.fromarray(colours), ground, opacity)


def subject_colours(image: Colours, alpha: Opacity, own: Opacity) -> Colours:
    """The picture with the subject's own colour at the pixels that are partly subject.

    ``own`` is the image's own opacity: what it hides has no say in the estimate.
    """
    result = image.copy()
    rows, columns = np.nonzero((alpha >= FAINT) & (alpha <= 255 - FAINT))
    if rows.size:
        small, share, shown = _small(image), _unit(alpha), _unit(own)
        means = (_plain(small, _pure(part) * shown) for part in (share, 1 - share))
        subject, ground = (_sampled(mean, rows, columns, alpha.shape) for mean in means)
        part = alpha[rows, columns].astype(np.float32)[:, None] / 255
        missing = image[rows, columns] - part * subject - (1 - part) * ground
        found = np.clip(subject + part * missing, 0, 255)
        result[rows, columns] = np.rint(found).astype(np.uint8)
    return result


def blurred_background(image: Colours, alpha: Opacity) -> Colours:
    """The picture out of focus, the subject's place filled from around it.

    The subject's colours stay out of it, or they would glow around the subject.
    """
    import cv2

    small, pure = _small(image), _pure(1 - _unit(alpha))
    filled = _plain(small, pure)
    filled += pure[:, :, None] * (small - filled)
    blurred = cv2.GaussianBlur(filled, (0, 0), BLUR_SHARE * max(pure.shape))
    size = (alpha.shape[1], alpha.shape[0])
    levels = np.rint(blurred).astype(np.uint8)
    return np.asarray(cv2.resize(levels, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _small(values: Colours | Opacity) -> Floats:
    """A copy whose longer side is ``SMALL``; values stay in 0..255."""
    import cv2

    height, width = values.shape[:2]
    factor = max(1, max(height, width) / SMALL)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_AREA), np.float32)


def _unit(opacity: Opacity) -> Floats:
    return np.divide(_small(opacity), 255, dtype=np.float32)


def _pure(share: Floats) -> Floats:
    """A weight of nearly nothing for what is not nearly pure."""
    for _ in range(SQUARINGS):
        share = share * share
    return share


def _plain(colours: Floats, weight: Floats) -> Floats:
    """Around every pixel the mean colour by weight: from near by, or else from farther off."""
    import cv2

    weighted = np.dstack([colours * weight[:, :, None], weight])
    total = weighted.sum(axis=(0, 1), dtype=np.float64)
    any_colour = colours.mean(axis=(0, 1), dtype=np.float64)
    guess = (total[:3] + TINY * any_colour) / (total[3] + TINY)
    for reach in REACHES:
        side = 2 * max(1, round(reach * max(weight.shape))) + 1
        means = cv2.blur(weighted, (side, side), borderType=cv2.BORDER_REFLECT)
        guess = (means[:, :, :3] + TRUST * guess) / (means[:, :, 3:] + TRUST)
    return np.asarray(guess, np.float32)


def _sampled(colours: Floats, rows: Places, columns: Places, shape: tuple[int, ...]) -> Floats:
    """A small copy's colours at some pixels of a picture of ``shape``, between its own: (n, 3)."""
    top, down = _between(rows, shape[0], colours.shape[0])
    left, across = _between(columns, shape[1], colours.shape[1])
    bottom = np.minimum(top + 1, colours.shape[0] - 1)
    right = np.minimum(left + 1, colours.shape[1] - 1)
    upper = colours[top, left] * (1 - across) + colours[top, right] * across
    lower = colours[bottom, left] * (1 - across) + colours[bottom, right] * across
    return np.asarray(upper * (1 - down) + lower * down, np.float32)


def _between(places: Places, length: int, small: int) -> tuple[Places, Floats]:
    """The pixel of a small copy before each place, and how far that is from it: (n), (n, 1)."""
    scaled = np.clip((places + 0.5) * (small / length) - 0.5, 0, small - 1)
    before = scaled.astype(np.intp)
    return before, (scaled - before).astype(np.float32)[:, None]
