"""What the next training will come to: steps, memory and time, before it is begun.

The trainer's own plan (its dry run) is the truth. While settings change, steps follow from its
buckets by arithmetic; what a run takes is best known from one of the same shape.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from dataprep import runs, training_values
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.exporting.manifest import MANIFEST
from dataprep.exporting.preview import preview
from dataprep.exporting.repeats import Length, steps_of
from dataprep.files import modified
from dataprep.jobs import Job, child, finish, module_command
from dataprep.lora_files import metadata
from dataprep.recipes import training_folder
from dataprep.settings import RECIPE, read_recipe
from dataprep.standing import exported_state

CONFIG_KEY = "lora_dataprep_config"
SHAPE = ("resolution", "mixed_precision", "device")
"""What decides how long one picture takes, beside the base model."""
SIZE = ("train_batch_size", "network_dim", "text_encoder_lr")
"""What decides, with that, how much memory a step takes."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a run will come to."""

    folders: tuple[tuple[int, int], ...]
    """Pictures and repeats of every concept."""
    uses: Mapping[str, int]
    """Pictures × repeats by bucket, as "512×768"."""
    batch: int
    epochs: int | None
    """None where the number of steps was given."""
    steps: int
    memory_mb: float | None = None
    is_measured: bool = False
    """Whether the memory is what a run of the same shape took."""
    seconds: float | None = None
    problems: tuple[str, ...] = ()
    """What is wrong with single files."""
    names: tuple[str, ...] = ()
    """What the folders of the concepts are called, in the same order."""
    regular: tuple[int, int] = (0, 0)
    """Regularization pictures, and how often one of them is used in an epoch."""
    accumulated: int = 1
    """Batches that make one step together."""

    @property
    def images(self) -> int:
        """Pictures of all concepts."""
        return sum(images for images, _ in self.folders)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an earlier run on this machine was told, and how it went."""

    told: Mapping[str, Any]
    """Its config, out of the LoRA that it saved."""
    it_per_s: float
    memory_mb: float | None


def ask_trainer(out: Path) -> dict[str, Any]:
    """The trainer's own plan of a training folder, from a process of its own.

    Takes half a second, and more for thousands of pictures. Raises ``DataprepError``.
    """
    return finish(planning(out))


def planning(out: Path) -> Job[dict[str, Any]]:
    """The same as a job, which can be closed."""
    command = module_command("train", "run", str(out), "--dry-run")
    return child(command, log=io.StringIO(), grace=0)


def of_trainer(plan: Mapping[str, Any], values: Mapping[str, Any]) -> Outlook:
    """The outlook of the trainer's plan, with these settings in place of those it was made of."""
    memory = plan.get("memory") or {}
    folders = {name: f for name, f in plan["folders"].items() if not f["is_reg"]}
    outlook = Outlook(
        folders=tuple((f["images"], f["repeats"]) for f in folders.values()),
        uses={f"{b['width']}×{b['height']}": b["uses"] for b in plan["buckets"]},
        batch=1,
        epochs=None,
        steps=0,
        memory_mb=memory.get("total_mb"),
        problems=tuple(f"{issue['file']}: {issue['reason']}" for issue in plan["issues"]),
        names=tuple(folders),
        regular=(plan["reg_images"], plan["reg_uses"]),
    )
    return with_values(outlook, values)


def of_export(dataset: Dataset, values: Mapping[str, Any]) -> Outlook | None:
    """The outlook before there is a training folder, by what an export would write.

    None where there is nothing to export. Raises ``UsageError``.
    """
    found = preview(dataset, {})
    folders = [folder for folder in found.folders if not folder.regular]
    if not folders:
        return None
    uses = {f"{w}×{h}": count for (w, h), count in found.uses.items()}
    trained_on = sum(folder.images * folder.repeats for folder in folders)
    reg_images = sum(folder.images for folder in found.folders if folder.regular)
    outlook = Outlook(
        folders=tuple((folder.images, folder.repeats) for folder in folders),
        uses=uses,
        batch=1,
        epochs=None,
        steps=0,
        names=tuple(Path(folder.name).name for folder in folders),
        regular=(reg_images, sum(uses.values()) - trained_on),
    )
    return with_values(outlook, values)


def with_values(outlook: Outlook, values: Mapping[str, Any]) -> Outlook:
    """The same pictures with another batch size, number of epochs or of steps."""
    batch = _whole(values.get("train_batch_size"), 1)
    given = values.get("max_train_steps")
    epochs = None if given else _whole(values.get("max_train_epochs"), 1)
    accumulated = _whole(values.get("gradient_accumulation_steps"), 1)
    length = Length(epochs or 1, batch, accumulated)
    steps = _whole(given, 1) if given else steps_of(outlook.uses, length)
    return replace(outlook, batch=batch, epochs=epochs, steps=steps, accumulated=accumulated)


def with_earlier(
    outlook: Outlook, earlier: Iterable[Earlier], values: Mapping[str, Any]
) -> Outlook:
    """With the time, and where it is known the memory, that runs like it took."""
    alike = [run for run in earlier if _is_alike(run.told, values)]
    if not alike:
        return replace(outlook, seconds=None)
    same = [run for run in alike if all(_same(run.told, values, key) for key in SIZE)]
    nearest = (same or alike)[0]
    # a step takes about as long as it has pictures
    batch = _whole(nearest.told.get("train_batch_size"), 1)
    seconds = outlook.steps / nearest.it_per_s * outlook.batch / batch
    measured = same[0].memory_mb if same else None
    if measured is None:
        return replace(outlook, seconds=seconds)
    return replace(outlook, seconds=seconds, memory_mb=measured, is_measured=True)


def earlier_run(out: Path) -> Earlier | None:
    """How the last run of a training folder went; None where it left nothing to go by."""
    run = runs.find(out)
    reading = run.read() if run is not None else None
    if reading is None or reading.training is None or not reading.saved:
        return None
    # the last steps' speed may be that of a busy minute
    speeds = [speed for speed in reading.history.it_per_s if math.isfinite(speed) and speed > 0]
    memory = reading.training.facts.get("memory_mb")
    try:
        told = json.loads(metadata(Path(reading.saved[-1].path)).get(CONFIG_KEY, ""))
    except (OSError, ValueError):
        return None
    if not isinstance(told, dict) or not speeds:
        return None
    return Earlier(told, median(speeds), float(memory) if memory else None)


def earlier_runs(roots: Iterable[Path]) -> list[Earlier]:
    """The last runs of these projects, in their order."""
    found = []
    for root in roots:
        try:
            found.append(earlier_run(training_folder(root)))
        except (DataprepError, OSError):
            continue  # another project's slip is no reason to say nothing of this one
    return [run for run in found if run is not None]


def needs_export(dataset: Dataset) -> bool:
    """Whether the training folder is missing, or older than the decisions or the recipe."""
    out = training_folder(dataset.root)
    if not training_values.is_exported(dataset.root):
        return True
    if exported_state(dataset) != "done":
        return True
    made = modified(out / MANIFEST)
    return "export" in read_recipe(dataset.root) and modified(dataset.root / RECIPE) > made


def _is_alike(told: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    base = str(values.get(training_values.BASE, ""))
    known = str(told.get(training_values.BASE, ""))
    return Path(base).name == Path(known).name and all(_same(told, values, k) for k in SHAPE)


def _same(told: Mapping[str, Any], values: Mapping[str, Any], key: str) -> bool:
    if key not in values:
        return True
    if key == "text_encoder_lr":
        return bool(float(told.get(key) or 0)) == bool(float(values[key]))
    return bool(_plain(told.get(key)) == _plain(values[key]))


def _plain(value: Any) -> Any:
    """One side of a square stands for both."""
    if isinstance(value, list | tuple):
        return [int(side) for side in value] * (2 if len(value) == 1 else 1)
    return [value, value] if isinstance(value, int) and value >= 64 else value


def _whole(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and value > 0 else otherwise
