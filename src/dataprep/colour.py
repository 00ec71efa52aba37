"""Any mode Pillow knows as 8-bit sRGB: profiles, deep greys, palettes, transparency."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms

BITS_TAG, PHOTOMETRIC_TAG = 258, 262
WHITE_IS_ZERO = 0
SAME = 1
"""A profile whose colours come out of the transform at most this far off (levels) is sRGB."""
UNIT = 16.0
"""Floats up to here are taken for shares of 1 (highlights may lie above), not for levels."""

PROFILE_MODES = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK"}
PLAIN = frozenset({"L", "LA", "RGB", "RGBA", "CMYK"})
STRAIGHT = {"1": "L", "La": "LA", "PA": "RGBA", "RGBa": "RGBA", "LAB": "LAB"}
"""What a mode becomes first; all others become RGB."""


def to_srgb(image: Image.Image) -> Image.Image:
    """A loaded picture as "RGBA" when it has transparency, else "RGB"; without its metadata.

    An embedded profile that cannot be used is left out, as viewers do. Raises ``ValueError`` for a
    mode that Pillow cannot convert.
    """
    profile = image.info.get("icc_profile")
    plain = _plain(image)
    if plain.mode == "LAB":
        result = _lab().apply(plain)
    else:
        result = (_by_profile(plain, profile) if profile else None) or _by_mode(plain)
    result.info = {}
    return result


def _by_mode(image: Image.Image) -> Image.Image:
    mode = "RGBA" if image.mode in {"LA", "RGBA"} else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _plain(image: Image.Image) -> Image.Image:
    """The picture in one of L, LA, RGB, RGBA, CMYK or LAB, its numbers unchanged."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bit(image)
    if "transparency" in image.info and image.mode in {"1", "L", "P", "RGB"}:
        return _keyed(image)
    if image.mode in PLAIN:
        return image
    return image.convert(STRAIGHT.get(image.mode, "RGB"))


def _keyed(image: Image.Image) -> Image.Image:
    """A picture of which one colour, or each palette entry, says how transparent it is."""
    key = image.info["transparency"]
    if isinstance(key, tuple) and max(key) > 255:
        # a 16-bit PNG: the pixels have lost their lower byte, the key has not
        image.info["transparency"] = tuple(value >> 8 for value in key)
    return image.convert("LA" if image.mode == "L" else "RGBA")


def _eight_bit(image: Image.Image) -> Image.Image:
    """Deep greyscale scaled to 8 bit; Pillow's own convert would clip it to white."""
    values = np.asarray(image)
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    # what is no number is black; what is beyond all numbers is white
    shares = np.nan_to_num(values.astype(np.float32), posinf=np.inf) / _ceiling(image, tags)
    if tags.get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO and image.mode.startswith("I;16"):
        shares = 1 - shares
    scaled = shares.clip(0, 1) * 255
    grey = Image.fromarray(scaled.round().astype(np.uint8))
    if isinstance(key := image.info.get("transparency"), int):
        grey.putalpha(Image.fromarray(np.where(values == key, 0, 255).astype(np.uint8)))
    return grey


def _ceiling(image: Image.Image, tags: Mapping[int, Any]) -> float:
    """The value that means white."""
    if image.mode.startswith("I;16"):
        return 4095.0 if tags.get(BITS_TAG) == (12,) else 65535.0
    values = np.asarray(image)
    highest = float(values[np.isfinite(values)].max(initial=0))
    if image.mode == "F" and highest <= UNIT:
        return 1.0
    known = (255.0, 65535.0, float(2**31 - 1))
    return next((ceiling for ceiling in known if highest <= ceiling), known[-1])


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    """Apply an embedded profile; None when it changes nothing, or does not fit the picture."""
    space = _space(profile)
    if space == "RGB" and image.mode in {"L", "LA"}:
        image = _by_mode(image)
    if PROFILE_MODES.get(space) != image.mode.removesuffix("A"):
        return None
    transform = _transform(profile, "L" if image.mode == "LA" else image.mode)
    if transform is None:
        return None
    if image.mode != "LA":
        return transform.apply(image)
    grey, alpha = image.split()
    result = transform.apply(grey)
    result.putalpha(alpha)
    return result


@lru_cache(maxsize=16)
def _space(profile: bytes) -> str:
    """The colour space of a profile: RGB, GRAY, CMYK …; empty when it is none."""
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile.xcolor_space.strip()
    except (OSError, TypeError, ValueError):
        return ""


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None when it is sRGB already, or cannot be used.

    Most pictures carry one of a few profiles, and to build a transform costs as much as to decode
    a small picture.
    """
    try:
        transform = ImageCms.ImageCmsTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
            mode,
            "RGBA" if mode == "RGBA" else "RGB",
            # without its cache of one pixel, a transform may be used by many threads
            flags=ImageCms.Flags.NOCACHE,
        )
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
        return None
    return None if mode in {"RGB", "RGBA"} and _changes_nothing(transform, mode) else transform


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether colours all over the cube stay where they are: surer than a profile's name."""
    steps = np.linspace(0, 255, 16).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(64, 64, 3)
    before = Image.fromarray(cube).convert(mode)
    after = np.asarray(transform.apply(before).convert("RGB"), np.int16)
    return int(np.abs(after - cube).max()) <= SAME


@lru_cache(maxsize=1)
def _lab() -> ImageCms.ImageCmsTransform:
    source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return ImageCms.ImageCmsTransform(source, target, "LAB", "RGB", flags=ImageCms.Flags.NOCACHE)
