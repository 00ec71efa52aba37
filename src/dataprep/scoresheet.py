"""What ``dataprep score`` found, kept beside its grid: ``score.json`` in the training folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dataprep import files
from dataprep.errors import DataprepError
from dataprep.uptake import Sample

FILE = "score.json"
FORMAT = 1
BASE = "base"
"""The column of the model alone."""


@dataclass(frozen=True, slots=True)
class Column:
    """One LoRA, or the base alone."""

    name: str
    """ "base", "epoch 2", "step 40" or "last"."""
    file: str
    """The LoRA file, inside the training folder where it lies there; empty for the base."""
    uptake: tuple[float, ...]
    """The share of pruned tags that a tagger finds, 0..1, for each prompt."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole scoring."""

    trigger: str
    pruned: tuple[str, ...]
    prompts: tuple[str, ...]
    columns: tuple[Column, ...]
    samples: tuple[Sample, ...]
    best: str
    """The name of the column whose trigger draws most of what was pruned."""

    @property
    def seeds(self) -> list[int]:
        """The seeds of the samples, in order."""
        return sorted({sample.seed for sample in self.samples})

    def column(self, name: str) -> Column:
        """The column of this name. Raises ``DataprepError`` listing those there are."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns if column.file)
        raise DataprepError(f"'{name}' was not scored", f"these were: {known}")

    def cells(self) -> Mapping[tuple[str, str, int], Sample]:
        """The samples by column, prompt and seed."""
        return {(sample.lora, sample.prompt, sample.seed): sample for sample in self.samples}


def write(out: Path, sheet: Sheet) -> None:
    """Keep a sheet in a training folder; paths inside it are written relative to it."""
    value = {
        "format": FORMAT,
        "trigger": sheet.trigger,
        "pruned": sheet.pruned,
        "prompts": sheet.prompts,
        "best": sheet.best,
        "columns": [
            {"name": column.name, "file": _inside(out, column.file), "uptake": column.uptake}
            for column in sheet.columns
        ],
        "samples": [
            {
                "lora": sample.lora,
                "prompt": sample.prompt,
                "seed": sample.seed,
                "path": _inside(out, sample.path),
                "tags": sample.tags,
            }
            for sample in sheet.samples
        ],
    }
    files.write_text(out / FILE, json.dumps(value, ensure_ascii=False, indent=1))


def read(out: Path) -> Sheet | None:
    """The sheet of a training folder; None when nothing was scored there.

    Raises ``DataprepError`` for a file that no version of ours wrote.
    """
    path = out / FILE
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return _sheet(out, value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        again = "`dataprep score` writes it anew"
        raise DataprepError(f"{path}: cannot be read ({type(error).__name__})", again) from None


def _sheet(out: Path, value: Mapping[str, Any]) -> Sheet:
    columns: Sequence[Mapping[str, Any]] = value["columns"]
    samples: Sequence[Mapping[str, Any]] = value["samples"]
    return Sheet(
        trigger=value["trigger"],
        pruned=tuple(value["pruned"]),
        prompts=tuple(value["prompts"]),
        columns=tuple(
            Column(c["name"], str(out / c["file"]) if c["file"] else "", tuple(c["uptake"]))
            for c in columns
        ),
        samples=tuple(
            Sample(s["lora"], s["prompt"], s["seed"], str(out / s["path"]), tuple(s["tags"]))
            for s in samples
        ),
        best=value["best"],
    )


def _inside(out: Path, path: str) -> str:
    """A path relative to the folder where it lies in it, so that the folder can be moved."""
    if not path:
        return ""
    whole, root = Path(path).resolve(), out.resolve()
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else str(whole)
