"""What a family of taggers expects and where its models come from, read from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from dataprep.vocabulary import Category

FAMILIES = ("wd14",)
"""Every family with a manifest: ``NAME.toml`` beside this file."""


@dataclass(frozen=True, slots=True)
class Known:
    """A published model."""

    name: str
    family: str
    repository: str = ""
    """On the Hugging Face Hub; empty: it lies elsewhere, see ``url``."""
    revision: str = "main"
    folder: str = ""
    """Inside the repository."""
    url: str = ""
    """Where a person fetches it when it is not on the hub."""
    thresholds: Mapping[Category, float] | None = None
    """Its own, where its makers publish them."""
    megabytes: int = 0
    """What there is to fetch; 0: not known."""


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
    categories: Mapping[str, Category]
    """What the tag file calls a category → what it is called here."""
    thresholds: Mapping[Category, float]
    """Score from which a tag is taken, by category; what is missing is not taken."""
    models: Mapping[str, Known]
    """The published models of the family by name."""

    @property
    def files(self) -> tuple[str, ...]:
        """What a model's folder must hold."""
        return tuple(name for name in (self.model_file, self.tags_file) if name)


@cache
def manifest(family: str = "wd14") -> Manifest:
    """The manifest of a family."""
    text = files("dataprep.taggers").joinpath(f"{family}.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    models = {name: Known(name, family, **row) for name, row in table.pop("models").items()}
    changed = {"family": family, "pad": tuple(table["pad"]), "models": models}
    return Manifest(**table | changed)


def known(name: str) -> Known | None:
    """The published model of this name, of whatever family."""
    return all_known().get(name)


@cache
def all_known() -> Mapping[str, Known]:
    """Every published model by name."""
    return {name: row for family in FAMILIES for name, row in manifest(family).models.items()}
