"""A tagger as it lies on the disk: its file, its name and its list of tags."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.files import content_hash
from dataprep.taggers.manifest import Manifest, known, manifest
from dataprep.vocabulary import Category, Entry

Tags = tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a tagger without loading its network."""

    name: str
    key: str
    """Name, file and preprocessing: scores under one key are comparable."""
    path: Path
    tags: Tags
    """What it can say, in the order of the outputs."""
    family: Manifest
    thresholds: Mapping[Category, float]
    """Its own, or else its family's."""


def read_model(folder: Path) -> Model:
    """The model in a folder: its file, hashed, and its list of tags."""
    family = manifest()
    path, name = folder / family.model_file, _name(folder)
    try:
        digest = content_hash(path)
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    key = f"{name}@{digest[:12]}.{family.preprocess}"
    tags = _read_tags(folder / family.tags_file, family)
    row = known(name)
    thresholds = (row and row.thresholds) or family.thresholds
    return Model(name, key, path, tags, family, thresholds)


def _name(folder: Path) -> str:
    """A model is called as its folder, or as its repository where it lies in the hub's cache."""
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.rsplit("--", 1)[-1]
    return folder.name


def _read_tags(path: Path, family: Manifest) -> Tags:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            tags = tuple(_entry(row, family) for row in csv.DictReader(stream))
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except KeyError as error:
        raise DataprepError(f"{path}: has no column {error}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise DataprepError(f"{path}: is not a tagger's table ({error})") from None
    if not tags:
        raise DataprepError(f"{path}: holds no tags")
    return tags


def _entry(row: Mapping[str, str], family: Manifest) -> Entry:
    category = family.categories.get(row["category"])
    if category is None:
        raise ValueError(f"unknown category {row['category']}")
    return Entry(row["name"], category, int(row.get("count") or 0))
