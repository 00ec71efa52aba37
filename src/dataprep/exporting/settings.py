"""What may be said about an export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.config import JsonDict

from dataprep.cluster import Engine
from dataprep.exporting.encoders import Format
from dataprep.exporting.parts import concept_name, parse
from dataprep.exporting.repeats import Kind
from dataprep.exporting.writer import Form, Masks
from dataprep.settings import Selected as Base


def _name(value: str) -> str:
    return concept_name(value) if value else value


def _parts(values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        parse(value)
    return values


Parts = Annotated[tuple[str, ...], AfterValidator(_parts)]


MANY: JsonDict = {"repeat": True, "metavar": "N_NAME=WHICH"}


class Settings(Base, Engine):
    """Where to, under which names, how often repeated, in which format."""

    out: Path = Field(json_schema_extra={"positional": True})
    """The training folder to write; relative to the current folder."""
    concept: Annotated[str, AfterValidator(_name)] = ""
    """Name of the concept, the second half of N_concept; takes what no part takes."""
    repeats: int = Field(default=0, ge=0, le=1000)
    """How often an epoch sees each picture, the N of N_concept; 0 chooses by kind and steps."""
    kind: Kind = "anime"
    """What is trained, for choosing the repeats: anime 7-15, person 20-30, object 30-100."""
    steps: int = Field(default=0, ge=0)
    """How many steps the training should have, for choosing the repeats; 0: no wish."""
    parts: Parts = Field(default=(), json_schema_extra=MANY)
    """Another concept: "10_city=city/*" (by name) or "5_night=tag:night"; may be given often."""
    reg: Parts = Field(default=(), json_schema_extra=MANY)
    """Regularization pictures for reg/, given like parts."""
    by_folder: bool = False
    """Every folder at the top of the project is a concept; its name may be N_concept."""
    format: Format = "png"
    """How training pictures are stored; png and webp are lossless."""
    quality: int = Field(default=95, ge=1, le=100)
    """Quality of jpg."""
    metadata: bool = False
    """Keep the originals' EXIF data; without it training pictures carry none."""
    masks: Masks = "none"
    """Foreground masks for masked loss: as name.png in mask/, or as alpha of the pictures."""
    shards: int = Field(default=0, ge=0)
    """Write WebDataset shards, tar files of so many pictures each, instead of a training folder;
    `dataprep import` reads them too. 0 writes none."""
    base: str = ""
    """The base model to train on: a diffusers folder, one .safetensors or .ckpt file, a name on the
    Hugging Face Hub, or "demo"."""
    tagger: str = ""
    """The tagger that `dataprep score` reads the samples with; the one used last if empty."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if not (self.concept or self.parts or self.by_folder):
            raise ValueError("give --concept NAME (or --parts, or --by-folder)")
        if self.format == "jpg" and self.masks == "alpha":
            raise ValueError("jpg has no alpha: give --format png or webp, or --masks folder")
        return self

    @property
    def form(self) -> Form:
        """How the files are stored."""
        return Form(self.format, self.quality, self.metadata, self.masks)
