"""Where a model comes from by its name, and whether it lies on this machine already."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from dataprep.errors import UsageError
from dataprep.taggers.manifest import FAMILIES, Known, all_known, manifest
from dataprep.weights.places import DEMO, hub_snapshot, model_folders

FACES = "yunet"
"""The folder of the face detector among the models."""
FACES_FILE = "face_detection_yunet_2023mar.onnx"
FACES_REPOSITORY = "opencv/face_detection_yunet"

ADDRESS = re.compile(
    r"(?P<repository>[\w.-]+/[\w.-]+)(?P<folder>(?:/[\w.-]+)*)(?:@(?P<revision>[\w./-]+))?"
)
"""A repository of the hub: owner/name, then a folder inside it, then a revision."""
CONFIG = "config.json"
WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"
SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
BESIDE = (".json", ".txt", ".model", ".jinja")
"""What stands beside the weights of a captioner: settings, vocabularies, templates. No code."""


@dataclass(frozen=True, slots=True)
class Source:
    """A published model: where it is fetched, and what of it is needed."""

    name: str
    """Of its folder among our own models."""
    repository: str = ""
    """On the Hugging Face Hub; empty: it lies at ``url``."""
    revision: str = "main"
    folder: str = ""
    """Inside the repository."""
    url: str = ""
    """Of its only file."""
    files: tuple[str, ...] = ()
    """What its folder must hold; empty: its kind decides by the names that are there."""
    megabytes: int = 0
    written: str = ""
    """As a person wrote it, where that is not its name."""

    @property
    def called(self) -> str:
        """What a person writes to mean it."""
        return self.written or self.name


def tagger(name: str) -> Source:
    """A tagger by the name it is known by, or by its repository. Raises ``UsageError``."""
    known = all_known()
    row = known.get(name) or next((row for row in known.values() if row.repository == name), None)
    if row is not None:
        return of_known(row)
    if (found := address(name)) is not None:
        return found
    raise UsageError(
        f"tagger '{name}' is neither a folder nor a known name", nearest(name, [*known, DEMO])
    )


def captioner(name: str) -> Source:
    """A captioner by the name it is known by, or by its repository. Raises ``UsageError``."""
    known = captioners()
    row = known.get(name) or next((row for row in known.values() if row.repository == name), None)
    if row is not None:
        return row
    if (found := address(name)) is not None:
        return found
    raise UsageError(
        f"captioner '{name}' is neither a folder nor a known name",
        nearest(name, [*known, *(row.repository for row in known.values())]),
    )


def faces() -> Source:
    """YuNet, which finds faces."""
    return Source(FACES, FACES_REPOSITORY, files=(FACES_FILE,), megabytes=1)


@cache
def captioners() -> Mapping[str, Source]:
    """The captioners known by name."""
    text = files("dataprep.weights").joinpath("captioners.toml").read_text(encoding="utf-8")
    return {name: Source(name, **row) for name, row in tomllib.loads(text).items()}


def of_known(row: Known) -> Source:
    """Where a known tagger comes from."""
    return Source(
        row.name, row.repository, row.revision, row.folder, row.url, row.files, row.megabytes
    )


def address(text: str) -> Source | None:
    """A repository of the hub as a person writes it; None: it is not written like one."""
    found = ADDRESS.fullmatch(text)
    # "./models" is a folder that is not there
    if found is None or text.startswith(".") or ".." in text:
        return None
    repository, folder = found["repository"], found["folder"].strip("/")
    revision = found["revision"] or "main"
    name = (folder or repository).rsplit("/", 1)[-1]
    if revision != "main":
        name += f"@{revision.replace('/', '-')}"
    return Source(name, repository, revision, folder, written=text)


def nearest(name: str, known: Iterable[str]) -> str:
    """What a person may have meant, or all there is."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"known: {', '.join(names)}"


def lies_in(source: Source, whole: Callable[[Path], bool]) -> Path | None:
    """The folder on this machine that holds all of a model: our own, else the hub's cache."""
    snapshot = hub_snapshot(source.repository, source.revision) if source.repository else None
    candidates = [
        *model_folders(source.name),
        *([snapshot / source.folder] if snapshot is not None else []),
    ]
    return next((folder for folder in candidates if _holds(folder, source, whole)), None)


def is_tagger(folder: Path) -> bool:
    """Whether a folder holds what some family of taggers needs."""
    return bool(tagger_files([path.name for path in folder.glob("*") if path.is_file()]))


def tagger_files(names: Collection[str]) -> set[str]:
    """Of a folder's file names, those that make it a tagger; none: it is not one."""
    return {name for needed in tagger_sets() if set(needed) <= set(names) for name in needed}


def tagger_sets() -> list[tuple[str, ...]]:
    """What a tagger's folder holds: of every family, then of models that call theirs otherwise."""
    sets = [manifest(family).files for family in FAMILIES]
    return [*sets, *(row.files for row in all_known().values())]


def is_captioner(folder: Path) -> bool:
    """Whether a folder holds a model that transformers loads, its weights as safetensors."""
    if not (folder / CONFIG).is_file():
        return False
    if (folder / WHOLE).is_file():
        return True
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        shards = set(index["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    return bool(shards) and all((folder / shard).is_file() for shard in shards)


def captioner_files(names: Collection[str]) -> set[str]:
    """Of a folder's file names, those that a captioner needs; none: it has no safetensors."""
    if WHOLE in names:
        weights = {WHOLE}
    else:
        weights = {name for name in names if SHARD.fullmatch(name)}
        if INDEX not in names:
            weights.clear()
    if not weights or CONFIG not in names:
        return set()
    beside = {name for name in names if name.endswith(BESIDE) and name != INDEX}
    return weights | beside | ({INDEX} if WHOLE not in names else set())


def _holds(folder: Path, source: Source, whole: Callable[[Path], bool]) -> bool:
    if source.files:
        return all((folder / name).is_file() for name in source.files)
    return whole(folder)
