"""What a family of taggers expects and where its models come from, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

Category = Literal["general", "character", "rating"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contract that all models of a family keep."""

    family: str
    model_file: str
    tags_file: str
    layout: Literal["NHWC"]
    """Axes of the input; values are 0..255."""
    colour: Literal["BGR", "RGB"]
    pad: tuple[int, int, int]
    """RGB of what makes a picture square, and of what shows through transparency."""
    resample: Literal["bicubic", "lanczos", "bilinear"]
    preprocess: int
    """Version of the pixels: scores of another version are not reused."""
    categories: Mapping[int, Category]
    thresholds: Mapping[str, float]
    """Score from which a tag is taken, by category."""
    repositories: Mapping[str, str]
    """Known models: name → repository on the Hugging Face Hub."""


@cache
def manifest(family: str = "wd14") -> Manifest:
    """The manifest of a family."""
    text = files("dataprep.taggers").joinpath(f"{family}.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return Manifest(
        **table
        | {
            "family": family,
            "pad": tuple(table["pad"]),
            "categories": {int(key): value for key, value in table["categories"].items()},
        }
    )
