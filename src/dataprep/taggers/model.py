"""A tagger as it lies on the disk: its file, its name, its contract and its list of tags."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.files import content_hash
from dataprep.taggers.folder import contract_of
from dataprep.taggers.manifest import FAMILIES, Manifest, all_known, known, manifest
from dataprep.taggers.tagfiles import Tags, read_tags
from dataprep.vocabulary import Category

INDIFFERENT = frozenset({"family", "model_file", "tags_file", "schema", "columns", "marks"}) | {
    "categories",
    "thresholds",
    "models",
}
"""What of a contract changes no score."""
CACHED = "models--"
"""How the folder of a repository begins in the hub's cache: models--owner--name/snapshots/…"""


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
    """The contract it keeps."""
    thresholds: Mapping[Category, float]
    """Its own, or else its family's."""


def read_model(folder: Path) -> Model:
    """The model in a folder: its file, hashed, and its list of tags. Raises ``DataprepError``."""
    family, name = contract_of(folder), _name(folder)
    path = folder / family.model_file
    try:
        digest = content_hash(path)
    except OSError as error:
        raise DataprepError(f"{path}: cannot be read ({error.strerror})") from None
    key = f"{name}@{digest[:12]}.{_version(family)}"
    tags = read_tags(folder / (family.tags_file or family.model_file), family)
    return Model(name, key, path, tags, family, _thresholds(name, family))


def _thresholds(name: str, family: Manifest) -> Mapping[Category, float]:
    """Those of the published model, unless a ``tagger.toml`` says others."""
    row = known(name)
    published = row is not None and row.family == family.family
    if row is None or row.thresholds is None or not published:
        return family.thresholds
    unchanged = family.thresholds == manifest(family.family).thresholds
    return row.thresholds if unchanged else family.thresholds


def _version(family: Manifest) -> str:
    """The preprocessing's version, and a digest of it where it is not the family's."""
    plain = manifest(family.family) if family.family in FAMILIES else None
    if plain is not None and _matters(plain) == _matters(family):
        return str(family.preprocess)
    return f"{family.preprocess}-{hashlib.sha256(_matters(family).encode()).hexdigest()[:8]}"


def _matters(family: Manifest) -> str:
    names = (one.name for one in fields(family) if one.name not in INDIFFERENT)
    return repr([(name, getattr(family, name)) for name in names])


def _name(folder: Path) -> str:
    """A model is called as its folder; in the hub's cache as it is known, or as its repository."""
    for root in (folder, *folder.parents):
        if root.parent.name == "snapshots" and root.parent.parent.name.startswith(CACHED):
            break
    else:
        return folder.name
    repository = root.parent.parent.name.removeprefix(CACHED).replace("--", "/", 1)
    inside = "" if folder == root else folder.relative_to(root).as_posix()
    for row in all_known().values():
        if (row.repository, row.folder) == (repository, inside):
            return row.name
    return (inside or repository).rsplit("/", 1)[-1]
