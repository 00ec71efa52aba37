"""One resample: as Pillow does it, and where a picture shrinks so by OpenCV.

To shrink is to filter out what the smaller picture cannot hold, and to take values between the
pixels. OpenCV does both in under half of Pillow's time: first a short filter that together with its
cubic interpolation passes what Lanczos (or Pillow's bicubic) passes, then that interpolation. The
result is nearer to Pillow's Lanczos than Pillow's own bicubic is (``tests/test_resample.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache
from types import ModuleType

import numpy as np
import numpy.typing as npt
from PIL import Image

Size = tuple[int, int]
FloatBox = tuple[float, float, float, float]
Floats = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]
Taps = npt.NDArray[np.float32]

LEAST, MOST = 1.4, 3.0
"""Shrinking by so much is done here: with less there is little to filter, with more the filters
get long and Pillow is as fast."""
LANCZOS, BICUBIC = Image.Resampling.LANCZOS, Image.Resampling.BICUBIC
LOBES = {LANCZOS: 3, BICUBIC: 2}
SHARPNESS = -0.75
"""Of OpenCV's cubic interpolation (Keys, 1981, its free parameter)."""
ONE = 16
"""Between filter and interpolation levels are counted in sixteenths."""
STEPS = 64
"""Filters are made for so many factors per unit; more cannot be told apart."""
FREQUENCIES = 96


def resample(
    image: Image.Image, size: Size, box: FloatBox, kind: Image.Resampling = LANCZOS
) -> Image.Image:
    """The part ``box`` of a picture (pixels, in fractions too) at a size.

    Pixels beyond the box count at its edges, as they do for Pillow. Any mode that Pillow resizes.
    ``kind``: Lanczos or bicubic.
    """
    left, top, right, bottom = (round(edge) for edge in box)
    across, down = (right - left) / size[0], (bottom - top) / size[1]
    # OpenCV's interpolation knows whole boxes only; and colours must be weighted with their opacity
    plain = (left, top, right, bottom) == box and image.mode in {"L", "RGB"}
    if not plain or not (LEAST <= across <= MOST and LEAST <= down <= MOST):
        return image.resize(size, kind, box=box)
    taps = _filter(across, kind), _filter(down, kind)
    beside, above = len(taps[0]) // 2 + 2, len(taps[1]) // 2 + 2
    x, y = max(0, left - beside), max(0, top - above)
    wide = np.asarray(image.crop((x, y, *_inside(image, right + beside, bottom + above))))
    filtered = _filtered(wide, *taps)[top - y : bottom - y, left - x : right - x]
    return Image.fromarray(_interpolated(filtered, size))


def shrunk(pixels: Pixels, size: Size, kind: Image.Resampling = LANCZOS) -> Pixels:
    """The same of a whole picture, shape (height, width, 3), without a copy on the way."""
    across, down = pixels.shape[1] / size[0], pixels.shape[0] / size[1]
    if not (LEAST <= across <= MOST and LEAST <= down <= MOST):
        return np.asarray(Image.fromarray(pixels).resize(size, kind))
    return _interpolated(_filtered(pixels, _filter(across, kind), _filter(down, kind)), size)


def _filtered(pixels: Pixels, across: Taps, down: Taps) -> npt.NDArray[np.int16]:
    """What the smaller picture can hold, in sixteenths of a level."""
    cv2 = _cv2()
    edge = cv2.BORDER_REPLICATE
    filtered: npt.NDArray[np.int16] = cv2.sepFilter2D(
        pixels, cv2.CV_16S, across * ONE, down, borderType=edge
    )
    return filtered


def _interpolated(filtered: npt.NDArray[np.int16], size: Size) -> Pixels:
    cv2 = _cv2()
    small = cv2.resize(filtered, size, interpolation=cv2.INTER_CUBIC)
    pixels: Pixels = cv2.convertScaleAbs(np.maximum(small, 0), alpha=1 / ONE)
    return pixels


def _inside(image: Image.Image, x: int, y: int) -> tuple[int, int]:
    return min(image.width, x), min(image.height, y)


def _filter(factor: float, kind: Image.Resampling) -> Taps:
    return low_pass(round(factor * STEPS) / STEPS, kind)


@lru_cache(maxsize=256)
def low_pass(factor: float, kind: Image.Resampling = LANCZOS) -> npt.NDArray[np.float32]:
    """The taps before cubic interpolation for shrinking by ``factor``; their sum is 1.

    The least squares fit of filter × interpolation to the response of Lanczos (or bicubic), and to
    nothing where interpolation mirrors the spectrum.
    """
    lobes, kernel = LOBES[kind], KERNELS[kind]
    # of bicubic the outer lobes are so flat that what lies beyond them need not be mended
    places = np.arange(int(np.ceil(lobes * factor)) + (2 if kind == LANCZOS else 0))
    frequencies = np.linspace(0, 0.5, FREQUENCIES)
    passed = _response(_interpolation, 2, 1, frequencies)
    mirrored = _response(_interpolation, 2, 1, 1 - frequencies)
    waves = np.cos(2 * np.pi * np.outer(frequencies, places)) * np.where(places, 2, 1)
    system = np.vstack([waves * passed[:, None], waves * mirrored[:, None]])
    wanted = _response(kernel, lobes * factor, factor, frequencies)
    answer = np.concatenate([wanted, np.zeros_like(wanted)])
    # pictures hold least of the highest frequencies
    weight = np.tile(1 / np.sqrt(np.maximum(frequencies, 0.02)), 2)
    half = np.linalg.lstsq(system * weight[:, None], answer * weight, rcond=None)[0]
    taps = np.concatenate([half[:0:-1], half])
    return np.asarray(taps / taps.sum(), np.float32)


def _response(
    kernel: Callable[[Floats], Floats], reach: float, scale: float, frequencies: Floats
) -> Floats:
    """The frequency response of an even kernel, 1 at 0; frequencies in cycles per pixel."""
    places = np.linspace(-reach, reach, 64 * int(np.ceil(reach)) + 1)
    values = kernel(places / scale)
    response = np.cos(2 * np.pi * np.outer(frequencies, places)) @ values
    return np.asarray(response / values.sum())


def _lanczos(x: Floats) -> Floats:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


def _bicubic(x: Floats) -> Floats:
    return _cubic(x, -0.5)


def _interpolation(x: Floats) -> Floats:
    return _cubic(x, SHARPNESS)


def _cubic(x: Floats, a: float) -> Floats:
    """Keys' kernel, with his free parameter."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * (x**3 - 5 * x**2 + 8 * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


KERNELS = {LANCZOS: _lanczos, BICUBIC: _bicubic}


@cache
def _cv2() -> ModuleType:
    """OpenCV without threads of its own: ours share the cores already."""
    import cv2

    cv2.setNumThreads(1)
    return cv2
