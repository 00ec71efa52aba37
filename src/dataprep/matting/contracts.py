"""What a family of matting networks expects of pixels and says of them, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.render import flatten

Pixels = npt.NDArray[np.uint8]
Name = Literal["auto", "u2net", "isnet", "isnet-anime", "birefnet", "bria"]
"""What a person may choose; "auto" goes by the size of a file's input."""

DARKEST = 1e-6
"""Stands for the brightest value of a black picture, as in rembg."""


@dataclass(frozen=True, slots=True)
class Contract:
    """How pictures go into a network, and how masks come out."""

    family: str
    side: int
    """Of the square that the network sees (pixels), unless its file says otherwise."""
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sigmoid: bool
    """Whether the network says logits."""
    models: tuple[str, ...]
    """The names under which rembg knows networks of this family."""


@cache
def contracts() -> Mapping[str, Contract]:
    """All families by name."""
    text = files("dataprep.matting").joinpath("contracts.toml").read_text(encoding="utf-8")
    return {
        family: Contract(
            family,
            table["side"],
            tuple(table["mean"]),
            tuple(table["std"]),
            table["sigmoid"],
            tuple(table["models"]),
        )
        for family, table in tomllib.loads(text).items()
    }


def of_model(name: str) -> Contract | None:
    """The contract of one of rembg's models; None: rembg itself must run it."""
    return next((found for found in contracts().values() if name in found.models), None)


def of_side(side: int | None) -> Contract:
    """What a file most likely expects whose input is a square of so many pixels (None: any)."""
    small = contracts()["u2net"]
    return small if side in (None, small.side) else contracts()["isnet"]


def prepare(image: Image.Image, side: int) -> Pixels:
    """An upright picture squashed to the square that a network sees: uint8, (side, side, 3)."""
    return np.asarray(flatten(image).resize((side, side), Image.Resampling.LANCZOS))


def feed(batch: Pixels, contract: Contract) -> npt.NDArray[np.float32]:
    """Prepared pictures (n, side, side, 3) as the network's input: float32, (n, 3, side, side)."""
    brightest = np.maximum(batch.max(axis=(1, 2, 3), keepdims=True), np.float32(DARKEST))
    mean, std = np.array(contract.mean, np.float32), np.array(contract.std, np.float32)
    return np.ascontiguousarray(((batch / brightest - mean) / std).transpose(0, 3, 1, 2))


def masks(said: npt.NDArray[np.float32], contract: Contract) -> Pixels:
    """What a network said (n, channels, height, width) as masks: uint8, (n, height, width).

    Each is stretched to 0..255 by itself; a picture of which it says the same everywhere has no
    subject.
    """
    values: npt.NDArray[Any] = said[:, 0].astype(np.float32, copy=False)
    if contract.sigmoid:
        # the same curve as 1 / (1 + exp(-x)), and nothing overflows
        values = (1 + np.tanh(values / np.float32(2))) / np.float32(2)
    low = values.min(axis=(1, 2), keepdims=True)
    span = values.max(axis=(1, 2), keepdims=True) - low
    unit = (values - low) / np.where(span > 0, span, np.float32(np.inf))
    return np.asarray(unit * 255, np.uint8)
