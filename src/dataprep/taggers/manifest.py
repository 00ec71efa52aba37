"""What a family of taggers expects and where its models come from, read from TOML files."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from dataprep.errors import DataprepError
from dataprep.vocabulary import Category

FAMILIES = (
    "wd14",
    "deepdanbooru",
    "deepdanbooru-torch",
    "cl_tagger",
    "camie",
    "pixai",
    "joytag",
    "z3d-e621",
)
"""Every family with a manifest: ``NAME.toml`` beside this file."""

Byte = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Byte, Byte, Byte]
Thresholds = Mapping[Category, Annotated[float, Field(gt=0, le=1)]]
Schema = Literal["csv", "lines", "mapping", "metadata", "checkpoint"]
STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Known:
    """A published model."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    family: str
    model_file: str
    """Its own name in the repository's folder, or else its family's; so for what follows."""
    tags_file: str
    schema: Schema
    repository: str = ""
    """On the Hugging Face Hub; empty: it lies elsewhere, see ``url``."""
    revision: str = "main"
    folder: str = ""
    """Inside the repository."""
    url: str = ""
    """Where a person fetches it when it is not on the hub."""
    thresholds: Thresholds | None = None
    """Its own, where its makers publish them."""
    megabytes: int = 0
    """What there is to fetch; 0: not known."""

    @property
    def files(self) -> tuple[str, ...]:
        """What there is to fetch, and what its folder must hold here."""
        return _present((self.model_file, self.tags_file))


@dataclass(frozen=True, slots=True)
class Manifest:
    """The contract that all models of a family keep."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    family: str
    model_file: str
    tags_file: str
    """Empty: the tags lie in the model file."""
    schema: Schema
    """How the tags are written: see ``tagfiles``."""
    colour: Literal["BGR", "RGB"]
    fit: Literal["pad", "letterbox", "edge", "squash"]
    """How a picture becomes square: "pad" adds a colour at both ends, then resizes; "letterbox"
    resizes, then adds it; "edge" resizes, then repeats the outermost pixels; "squash" gives up
    its shape."""
    resample: Literal["bicubic", "lanczos", "bilinear", "area"]
    preprocess: int
    """Version of the pixels: scores of another version are not reused."""
    categories: Mapping[str, Category]
    """What the tag file calls a category → what it is called here. Of a file of bare lines: how a
    tag begins → its category."""
    thresholds: Thresholds
    """Score from which a tag is taken, by category; what is missing is not taken."""
    format: Literal["onnx", "torch"] = "onnx"
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    """Axes of the input."""
    size: Annotated[int, Field(ge=0)] = 0
    """Side of the square that goes in; 0: as the file says."""
    pad: Colour = (255, 255, 255)
    """RGB of what makes a picture square."""
    background: Colour = (255, 255, 255)
    """RGB of what shows through transparency."""
    scale: Annotated[float, Field(gt=0)] = 1.0
    """Levels 0..255 are divided by it, before mean and deviation."""
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """By channel in the order of ``colour``."""
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    activation: Literal["none", "sigmoid"] = "none"
    """What is still to be done to the outputs: "none" where they are probabilities."""
    output: int | str = 0
    """Which of the file's outputs counts: its place or its name."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Of a csv: "name", "category" and "count" → the column that says it."""
    marks: tuple[str, ...] = ()
    """Columns that tell its table from that of another family with the same file name."""
    models: Mapping[str, Known] = field(default_factory=dict)
    """The published models of the family by name."""

    @property
    def files(self) -> tuple[str, ...]:
        """What a model's folder must hold, unless a published model names its files otherwise."""
        return _present((self.model_file, self.tags_file))


@cache
def manifest(family: str = "wd14") -> Manifest:
    """The manifest of a family."""
    path = files("dataprep.taggers").joinpath(f"{family}.toml")
    table: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    own = {key: table[key] for key in ("model_file", "tags_file", "schema")}
    models = {
        name: own | row | {"name": name, "family": family}
        for name, row in table.pop("models").items()
    }
    return checked(table | {"family": family, "models": models}, Path(str(path)))


def checked(table: Mapping[str, Any], path: Path) -> Manifest:
    """A table as a manifest. Raises ``DataprepError`` naming the key of ``path`` that is wrong."""
    try:
        return TypeAdapter(Manifest).validate_python(table)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataprepError(f"{path}: {key}: {first['msg']}") from None


def known(name: str) -> Known | None:
    """The published model of this name, of whatever family."""
    return all_known().get(name)


@cache
def all_known() -> Mapping[str, Known]:
    """Every published model by name."""
    return {name: row for family in FAMILIES for name, row in manifest(family).models.items()}


def _present(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name)
