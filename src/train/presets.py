"""Where to begin with a goal, a family of base models and a GPU: tables laid over each other."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dataprep.errors import DataprepError, UsageError

GOALS = ("character", "style", "object")
FAMILIES = ("sd15", "sd2", "sdxl")
MEMORY_GB = (6, 8, 12, 16, 24)
LENGTHS = ("max_train_epochs", "max_train_steps")
FILE = Path(__file__).with_name("presets.toml")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person says of a preset; what is left out takes nothing from its table."""

    goal: str | None = None
    memory: int | None = None
    """Of the GPU, GB."""
    family: str | None = None
    """Left out: told from the base model."""

    def under(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Values, and those of the preset for what they leave open.

        Raises ``UsageError`` for a goal or family there is none of.
        """
        preset = values(self.goal, self.family or family_of(given), self.memory)
        if any(key in given for key in LENGTHS):
            preset = {key: value for key, value in preset.items() if key not in LENGTHS}
        return {**preset, **given}


def values(goal: str | None, family: str, memory_gb: int | None = None) -> dict[str, Any]:
    """Settings to begin with, by our keys; they name no files and no base model.

    ``family`` is that of the base model, ``memory_gb`` what the GPU has: the next smaller of
    MEMORY_GB counts. Without a goal or a size that table is left out. Raises ``UsageError`` for a
    goal or family there is none of.
    """
    tables = _tables()
    layers = [tables["all"]] if goal is not None else []
    if goal is not None:
        _known("goal", goal, GOALS)
        layers.append(tables["goal"][goal])
    _known("family", family, FAMILIES)
    layers.append(tables["family"][family])
    if memory_gb is not None:
        layers.append(tables["memory"][family][str(_step(memory_gb))])
    return {key: value for layer in layers for key, value in layer.items()}


def family_of(given: Mapping[str, Any]) -> str:
    """The family of the base model that values name, as told from its files.

    Raises ``UsageError`` where it cannot be told, asking for it.
    """
    from train.models.base import Source
    from train.models.detect import detect

    name = str(given.get("pretrained_model_name_or_path", ""))
    try:
        found = detect(Source(name, v2=given.get("v2"))).family
    except DataprepError as error:
        raise UsageError(
            f"which family the base model is of cannot be told ({error.message})",
            f"say it: --family {', '.join(FAMILIES)}",
        ) from None
    return {"sd1": "sd15"}.get(found, found)


def _step(memory_gb: int) -> int:
    fitting = [size for size in MEMORY_GB if size <= memory_gb]
    if not fitting:
        raise UsageError(
            f"memory {memory_gb} GB: too little to train on a GPU",
            f"from {MEMORY_GB[0]} GB on there is a preset",
        )
    return max(fitting)


def _known(what: str, given: str, known: Iterable[str]) -> None:
    if given not in known:
        raise UsageError(f"no {what} is called {given!r}", f"known: {', '.join(known)}")


@cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
