"""``dataprep train``: the bundled trainer, as a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import Field

from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, child, module_command
from dataprep.layout import TRAIN_FILE
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.weights import find_base


class Settings(Base):
    """What is changed for this run only; everything else stands in train.toml."""

    base: str = ""
    """The base model: a diffusers folder of the SD1.5 shape, or "demo"."""
    epochs: int | None = Field(default=None, ge=1)
    """Number of epochs."""
    seed: int | None = Field(default=None, ge=0)
    """Seed of the run."""
    set: tuple[str, ...] = Field(default=(), json_schema_extra={"repeat": True})
    """Any other setting of train.toml as key=value; may be given several times."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Train on ``target`` (a folder with train.toml, or the file); epochs are saved on the way.

    ``dry_run`` only plans: images, buckets, steps.
    """
    require_trainer()
    path = train_file(target)
    arguments = [str(path), *_overrides(settings), *(["--dry-run"] if dry_run else [])]
    result = yield from child(module_command("train", "run", *arguments))
    issues = tuple(Issue(**issue) for issue in result.pop("issues", ()))
    return Report(
        "train",
        done=int(result.get("steps", 0)),
        issues=issues,
        facts=result,
        lines=_lines(result, path, dry_run),
        dry_run=dry_run,
    )


def train_file(target: Path) -> Path:
    """The train.toml of an exported folder, or the TOML file itself."""
    path = target / TRAIN_FILE if target.is_dir() else target
    if not path.is_file():
        raise UsageError(
            f"{path}: no such file", "`dataprep export DIR OUT --concept NAME` writes one"
        )
    return path


def require_trainer() -> None:
    """Raise a clear sentence when the trainer's packages are not installed."""
    missing = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
    if missing:
        raise DataprepError(
            f"the trainer needs {', '.join(missing)}, not installed here",
            'pip install "lora-dataprep[train]"',
        )


def _overrides(settings: Settings) -> list[str]:
    pairs = list(settings.set)
    if settings.base:
        pairs.append(f"pretrained_model_name_or_path={find_base(settings.base)}")
    if settings.epochs is not None:
        pairs.append(f"max_train_epochs={settings.epochs}")
    if settings.seed is not None:
        pairs.append(f"seed={settings.seed}")
    return [part for pair in pairs for part in ("--set", pair)]


def _lines(result: Mapping[str, Any], path: Path, dry_run: bool) -> tuple[str, ...]:
    if dry_run:
        return _plan(result)
    if result["lora"] is None:
        return ("stopped before the first step; nothing was saved",)
    return (
        f"{result['steps']} steps, loss {result['loss_first']:.4f} → {result['loss_last']:.4f}",
        f"LoRA: {result['lora']}",
        f"see what it learned: dataprep score {path.parent}",
    )


def _plan(result: Mapping[str, Any]) -> tuple[str, ...]:
    folders = (f"{name}: {facts['images']} pictures" for name, facts in result["folders"].items())
    buckets = (f"{b['width']}×{b['height']}: {b['uses']}" for b in result["buckets"])
    return (
        f"{result['images']} pictures ({', '.join(folders)})",
        f"buckets, with repeats: {', '.join(buckets)}",
        f"{result['steps_per_epoch']} steps × {result['epochs']} epochs = {result['steps']} steps",
    )
