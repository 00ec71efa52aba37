"""The folders of a run: those of ``train_data_dir`` and ``reg_data_dir``, and the subsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep.errors import UsageError
from dataprep.images import EXTENSIONS
from dataprep.layout import parse_folder
from dataprep.report import Issue
from train.config import Subset, TrainConfig

REGULAR = "reg/"
"""Begins the names of regularization pictures."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One folder of pictures, and what is known of all of them."""

    path: Path
    name: str
    """What the names of its pictures begin with; no other folder of the run has it."""
    repeats: int
    words: str
    """The caption of pictures without one."""
    is_reg: bool = False
    subset: Subset | None = None
    """Settings of its own."""


def folders(config: TrainConfig, issues: list[Issue]) -> list[Folder]:
    """Every folder that is trained on; why another one is left out becomes an issue.

    Raises ``UsageError`` for a folder that is named and not there, or holds no ``N_concept``.
    """
    found: list[Folder] = []
    if config.train_data_dir is not None:
        found += _concepts(config.train_data_dir, "train_data_dir", issues)
    if config.reg_data_dir is not None:
        found += _concepts(config.reg_data_dir, "reg_data_dir", issues)
    return [*found, *_of_subsets(config.subsets, {folder.name for folder in found})]


def setting(config: TrainConfig, folder: Folder, key: str) -> Any:
    """A setting as it holds for a folder: its subset's own, else that for all."""
    own = None if folder.subset is None else getattr(folder.subset, key, None)
    return getattr(config, key) if own is None else own


def pictures(folder: Path) -> list[Path]:
    """The pictures that lie in a folder, by their endings, sorted."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()
    )


def _concepts(root: Path, key: str, issues: list[Issue]) -> Iterator[Folder]:
    is_reg = key == "reg_data_dir"
    for path in _concept_folders(root, key, issues):
        repeats, concept = parse_folder(path.name) or (0, "")
        name = f"{REGULAR}{path.name}" if is_reg else path.name
        yield Folder(path, name, repeats, concept, is_reg)


def _of_subsets(subsets: Iterable[Subset], taken: set[str]) -> Iterator[Folder]:
    for number, subset in enumerate(subsets, start=1):
        path = subset.image_dir
        if not path.is_dir():
            raise UsageError(f"[[subsets]] {number}: image_dir {path}: no such folder")
        prefix = REGULAR if subset.is_reg else ""
        name = _free(prefix + path.resolve().name, taken)
        taken.add(name)
        yield Folder(path, name, subset.num_repeats, subset.class_tokens, subset.is_reg, subset)


def _free(name: str, taken: set[str]) -> str:
    """The name, with a number where another folder has it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _concept_folders(root: Path, key: str, issues: list[Issue]) -> list[Path]:
    """The folders named ``N_concept`` in ``root``; why another one is left out is an issue."""
    if not root.is_dir():
        raise UsageError(f"{key} {root}: no such folder")
    there = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    concepts = [folder for folder in there if parse_folder(folder.name)]
    if not concepts and pictures(root):
        raise UsageError(*_pictures_at_top(root, key))
    if not concepts:
        names = ", ".join(folder.name for folder in there[:5]) or "nothing"
        raise UsageError(
            f"{key} {root}: no folder named like 10_name (there is: {names})",
            "the number says how often each picture is used per epoch",
        )
    for folder in there:
        if folder not in concepts:
            reason = "left out: the name does not begin with repeats, as in 10_name"
            issues.append(Issue(folder.name, "no-repeats", reason, fatal=False))
    return concepts


def _pictures_at_top(root: Path, key: str) -> tuple[str, str]:
    if parse_folder(root.name):
        return (
            f"{key} {root}: this is a concept folder itself",
            f"give its parent: {root.parent}",
        )
    return (
        f"{key} {root}: the pictures lie here, not in a folder named like 10_name",
        "dataprep export arranges them",
    )
