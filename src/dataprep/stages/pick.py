"""``dataprep pick``: copy the epoch one keeps to where LoRA files are used, under a name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from dataprep import files, lora_files, scoresheet
from dataprep.errors import DataprepError, UsageError
from dataprep.exporting.train_file import values_of
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.stages.train import train_file

ENDING = ".safetensors"
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
"""Letters that no file name may have on Windows; A1111 reads `<` and `:` in prompts."""


def _name(value: str) -> str:
    name = value.strip().removesuffix(ENDING)
    if FORBIDDEN.search(name) or name.startswith(".") or name.endswith((".", " ")):
        raise ValueError('a file name without < > : " / \\ | ? * and not beginning with a dot')
    return name


class Settings(Base):
    """Which LoRA, where to, and as what."""

    epoch: str = ""
    """Which one: a number such as 4, "last", "step 120", or "best", which the score names and
    which is taken without a word."""
    to: Path = Field(default=Path(), json_schema_extra={"positional": True})
    """The folder to copy to, such as A1111's models/Lora or ComfyUI's models/loras."""
    name: Annotated[str, AfterValidator(_name)] = ""
    """The file's name there; without one output_name of train.toml."""
    overwrite: bool = False
    """Replace a file of that name."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Copy one LoRA of a training folder; the file itself stays as it was trained."""
    yield Progress(0, 1, "looking for the LoRA")
    path = train_file(target)
    values = values_of(path)
    output_name = str(values.get("output_name", "lora"))
    folder = path.parent / str(values.get("output_dir", "model"))
    label, source = _chosen(path.parent, folder, output_name, settings.epoch)
    if settings.to == Path():
        raise UsageError("dataprep pick: to: is required", "name the folder to copy to")
    copy = settings.to.expanduser() / f"{settings.name or output_name}{ENDING}"
    same = copy.exists() and copy.read_bytes() == source.read_bytes()
    if copy.exists() and not same and not settings.overwrite:
        raise DataprepError(f"{copy}: is there already", "give --name, or --overwrite")
    if not dry_run and not same:
        copy.parent.mkdir(parents=True, exist_ok=True)
        files.save(copy, lambda temp: shutil.copyfile(source, temp))
    verb = "would be copied" if dry_run else "is there already" if same else "copied"
    return Report(
        "pick",
        done=int(not same),
        unchanged=int(same),
        facts={"epoch": label, "lora": str(source), "copy": str(copy)},
        lines=(f"{label}: {source.name} {verb} → {copy}", f"prompt: {prompt(copy.stem, values)}"),
        dry_run=dry_run,
    )


def prompt(name: str, values: object) -> str:
    """How the LoRA is asked for in A1111: its name, and its trigger word."""
    trigger = values.get("trigger_word", "") if isinstance(values, dict) else ""
    return f"<lora:{name}:1>" + (f", {trigger}" if trigger else "")


def _chosen(out: Path, folder: Path, output_name: str, wanted: str) -> tuple[str, Path]:
    """The label and file of what is meant. Raises ``DataprepError`` listing what there is."""
    saved = lora_files.of_last_run(folder, output_name)
    if not saved:
        raise DataprepError(f"{folder}: no LoRA here", "`dataprep train` makes one")
    label = wanted.strip() or "best"
    if label == "best":
        sheet = scoresheet.read(out)
        if sheet is None:
            raise DataprepError(
                f"{out}: was not scored, so no epoch is known as the best",
                "`dataprep score` finds it, or give --epoch: " + ", ".join(saved),
            )
        label = sheet.best
    if label.isdigit():
        label = f"epoch {label}"
    # the last epoch's file has no number
    if label not in saved:
        raise DataprepError(f"'{wanted or label}' was not saved", "these were: " + ", ".join(saved))
    return label, saved[label]
