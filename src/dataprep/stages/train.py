"""``dataprep train``: the bundled trainer, as a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dataprep import runs
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress, child, module_command
from dataprep.report import Report
from dataprep.runs import require_trainer as require_trainer
from dataprep.runs import train_file as train_file
from dataprep.settings import Settings as Base
from dataprep.weights import find_base


class Settings(Base):
    """What is changed for this run only; everything else stands in train.toml."""

    base: str = ""
    """The base model: a diffusers folder, one .safetensors or .ckpt file, a name on the Hugging
    Face Hub, or "demo"."""
    epochs: int | None = Field(default=None, ge=1)
    """Number of epochs."""
    seed: int | None = Field(default=None, ge=0)
    """Seed of the run."""
    set: tuple[str, ...] = Field(default=(), json_schema_extra={"repeat": True})
    """Any other setting of train.toml as key=value; may be given several times."""
    goal: Literal["character", "style", "object"] | None = None
    """Begin with what is usual for this goal; what the file says wins."""
    memory: int | None = Field(default=None, ge=1, json_schema_extra={"metavar": "GB"})
    """Begin with what fits into so many GB of GPU memory; what the file says wins."""
    family: Literal["sd15", "sd2", "sdxl"] | None = None
    """The base model's family, for --goal and --memory; told from its files if left out."""
    print_config: bool = False
    """Write the train.toml that the file comes to, and train nothing."""
    expert: bool = False
    """With --print-config every setting, not only those that matter."""
    show_captions: int | None = Field(default=None, ge=1, json_schema_extra={"metavar": "N"})
    """Show the captions that the first N steps will see, and train nothing."""
    detach: bool = False
    """Start the run and return at once: it goes on without this terminal, and `dataprep watch`
    shows it."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Train on ``target`` (a folder with train.toml, or the file); epochs are saved on the way.

    ``dry_run`` only plans: images, buckets, steps.
    """
    require_trainer()
    path = train_file(target)
    given = [*_overrides(settings), *_preset(settings)]
    if settings.print_config:
        return (yield from _printed(path, given, settings.expert))
    if settings.show_captions is not None:
        return (yield from _captions(path, given, settings.show_captions))
    if settings.detach and not dry_run:
        return (yield from _detached(path, given))
    command = module_command("train", "run", str(path), *given, *(["--dry-run"] * dry_run))
    result = yield from child(command)
    return runs.report_of(result, path.parent, dry_run=dry_run)


def _printed(path: Path, given: list[str], expert: bool) -> Job[Report]:
    all_keys = ["--expert"] if expert else []
    result = yield from child(module_command("train", "config", str(path), *given, *all_keys))
    return Report(
        "train",
        facts={"config": result["values"], "mapping": result["mapping"]},
        lines=tuple(result["toml"].splitlines()),
        remarks=tuple(result["remarks"]),
    )


def _captions(path: Path, given: list[str], count: int) -> Job[Report]:
    result = yield from child(module_command("train", "captions", str(path), str(count), *given))
    return Report(
        "train",
        facts={"captions": result["captions"]},
        lines=tuple(_caption_line(shown) for shown in result["captions"]),
        remarks=tuple(result["remarks"]),
    )


def _caption_line(shown: dict[str, Any]) -> str:
    tokens = "" if shown["tokens"] is None else f", {shown['tokens']} tokens"
    cut = f", {shown['cut']} cut off" if shown["cut"] else ""
    return f"step {shown['step']}  {shown['picture']}{tokens}{cut}: {shown['caption']}"


def _detached(path: Path, given: list[str]) -> Job[Report]:
    yield Progress(0, None, "starting the trainer")
    begun = runs.start(path, arguments=given)
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
    return [part for pair in pairs for part in ("--set", pair)]


def _preset(settings: Settings) -> list[str]:
    wanted = {"goal": settings.goal, "memory": settings.memory, "family": settings.family}
    given = {name: value for name, value in wanted.items() if value is not None}
    if set(given) == {"family"}:
        raise UsageError("--family goes with --goal or --memory", "give one of them")
    return [part for name, value in given.items() for part in (f"--{name}", str(value))]
