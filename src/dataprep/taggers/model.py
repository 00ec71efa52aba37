"""A tagger as it lies on the disk: its file, its name and its list of tags."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.files import content_hash
from dataprep.taggers.manifest import Manifest, manifest

Tags = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of a tagger without loading its network."""

    name: str
    key: str
    """Name, file and preprocessing: scores under one key are comparable."""
    path: Path
    tags: Tags
    """Name and category number in the order of the outputs."""
    family: Manifest


def read_model(folder: Path) -> Model:
    """The model in a folder: its file, hashed, and its list of tags."""
    family = manifest()
    path, name = folder / family.model_file, _name(folder)
    try:
        digest = content_hash(path)
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    key = f"{name}@{digest[:12]}.{family.preprocess}"
    return Model(name, key, path, _read_tags(folder / family.tags_file, family), family)


def _name(folder: Path) -> str:
    """A model is called as its folder, or as its repository where it lies in the hub's cache."""
    if folder.parent.name == "snapshots":
        return folder.parent.parent.name.rsplit("--", 1)[-1]
    return folder.name


def _read_tags(path: Path, family: Manifest) -> Tags:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            tags = tuple((row["name"], int(row["category"])) for row in csv.DictReader(stream))
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    except KeyError as error:
        raise DataprepError(f"{path}: has no column {error}") from None
    except (ValueError, TypeError, csv.Error) as error:
        raise DataprepError(f"{path}: is not a tagger's table ({error})") from None
    if not tags:
        raise DataprepError(f"{path}: holds no tags")
    unknown = {category for _, category in tags} - family.categories.keys()
    if unknown:
        raise DataprepError(f"{path}: unknown category {min(unknown)}", "another kind of tagger?")
    return tags
