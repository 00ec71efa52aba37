"""``dataprep train``: the bundled trainer, as a process of its own."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dataprep import runs
from dataprep.jobs import Job, Progress, child, module_command
from dataprep.report import Report
from dataprep.runs import require_trainer as require_trainer
from dataprep.runs import train_file as train_file
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
    detach: bool = False
    """Start the run and return at once: it goes on without this terminal, and `dataprep watch`
    shows it."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Train on ``target`` (a folder with train.toml, or the file); epochs are saved on the way.

    ``dry_run`` only plans: images, buckets, steps.
    """
    require_trainer()
    path = train_file(target)
    overrides = _overrides(settings)
    if settings.detach and not dry_run:
        return (yield from _detached(path, overrides))
    arguments = [part for pair in overrides for part in ("--set", pair)]
    arguments += ["--dry-run"] if dry_run else []
    result = yield from child(module_command("train", "run", str(path), *arguments))
    return runs.report_of(result, path.parent, dry_run=dry_run)


def _detached(path: Path, overrides: list[str]) -> Job[Report]:
    yield Progress(0, None, "starting the trainer")
    begun = runs.start(path, overrides)
    out = path.parent
    return Report(
        "train",
        facts={"run": begun.id, "pid": begun.pid, "folder": str(begun.folder)},
        lines=(
            f"training in the background (process {begun.pid})",
            f"watch it: dataprep watch {out}",
            f"stop it and save what it has learned: dataprep watch {out} --stop",
        ),
    )


def _overrides(settings: Settings) -> list[str]:
    pairs = list(settings.set)
    if settings.base:
        pairs.append(f"pretrained_model_name_or_path={find_base(settings.base)}")
    if settings.epochs is not None:
        pairs.append(f"max_train_epochs={settings.epochs}")
    if settings.seed is not None:
        pairs.append(f"seed={settings.seed}")
    return pairs
