"""Foreground masks as they are cached, and what is done to one before it cuts a picture out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin

from dataprep import png
from dataprep.decisions import Background
from dataprep.files import replacing
from dataprep.images import BadImage, decode

Mask = npt.NDArray[np.uint8]
"""(height, width), 255 is subject."""

LEAST, MOST = 0.02, 0.98
"""A subject that covers less or more of a picture has most likely not been found."""
HALF = 128
"""From this value on, a pixel counts as subject."""
FAINT = 8
"""Below this it belongs to no piece of the subject: networks are seldom quite sure of nothing."""
COVERAGE = b"coverage"
PNG_HEAD = 33
"""Bytes of a PNG's signature and its first chunk, behind which others may stand."""


def save(mask: Mask, path: Path) -> float:
    """Write a mask as an 8-bit grey PNG and give the share of the picture it covers, 0..1."""
    found, data = share(mask), png.encode(mask)
    with replacing(path) as temp, temp.open("wb") as stream:
        stream.write(data[:PNG_HEAD])
        # in the header, so that a later run need not decode the mask to know it
        PngImagePlugin.putchunk(stream, b"tEXt", COVERAGE, b"\0", f"{found:.6f}".encode())
        stream.write(data[PNG_HEAD:])
    return found


def covered(path: Path) -> float | None:
    """The share that a cached mask covers; None when there is none, or not a whole one."""
    try:
        with Image.open(path) as mask:
            return float(mask.info[COVERAGE.decode()])
    except (OSError, KeyError, ValueError):
        return None


def coverage(path: Path, background: Background) -> float | None:
    """The same once the tools of a background are applied."""
    if not is_worked(background):
        return covered(path)
    try:
        mask = decode(path)
    except BadImage:
        return None
    return share(finish(np.asarray(mask.convert("L")), background))


def share(mask: Mask) -> float:
    """How much of a picture is subject, 0..1."""
    return float(np.count_nonzero(mask >= HALF)) / mask.size


def is_worked(background: Background) -> bool:
    """Whether anything is done to the mask before it is used."""
    return bool(background.invert or background.largest or background.grow or background.feather)


def finish(mask: Mask, background: Background, scale: float = 1.0) -> Mask:
    """The mask with its decided tools: inverted, its largest piece, grown or shrunk, feathered.

    ``scale``: how many of the mask's pixels are one of the original's, in which the tools count.
    What touches the picture's edge goes on beyond it: shrinking leaves no gap there, feathering
    no fade.
    """
    if background.invert:
        mask = 255 - mask
    if background.largest:
        mask = largest(mask)
    if background.grow:
        mask = grown(mask, round(background.grow * scale))
    if background.feather:
        mask = feathered(mask, background.feather * scale)
    return mask


def largest(mask: Mask) -> Mask:
    """Only the largest connected piece, with its soft edge.

    Pieces are what is at least half opaque; softer pixels belong to the nearest of them, unless
    nothing joins them to it.
    """
    import cv2

    solid = mask >= HALF
    if not solid.any():
        return mask
    nearest = cv2.distanceTransformWithLabels(
        np.where(solid, np.uint8(0), np.uint8(1)), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_CCOMP
    )[1]
    piece = np.bincount(nearest[solid]).argmax()
    own = (nearest == piece) & (mask >= FAINT)
    joined = cv2.connectedComponents(own.astype(np.uint8))[1]
    core = joined[solid & (nearest == piece)][0]
    return np.where(joined == core, mask, np.uint8(0))


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask grown by so many of its pixels, or shrunk; a soft edge moves and stays soft.

    The reach is an octagon, within 6 % of a disc: a disc itself takes seconds on a large picture.
    """
    import cv2

    work = cv2.dilate if pixels > 0 else cv2.erode
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    square = cv2.getStructuringElement(cv2.MORPH_RECT, (3, 3))
    steps = abs(pixels)
    mask = work(mask, square, iterations=steps // 2) if steps > 1 else mask
    return work(mask, cross, iterations=steps - steps // 2) if steps else mask


def feathered(mask: Mask, pixels: float) -> Mask:
    """A hard edge softened so that it goes from 2 to 98 % over so many of the mask's pixels."""
    import cv2

    deviation = pixels / 4
    side = 2 * math.ceil(3 * deviation) + 1
    return np.asarray(
        cv2.GaussianBlur(mask, (side, side), deviation, borderType=cv2.BORDER_REPLICATE), np.uint8
    )
