"""``dataprep demo``: the whole way on the embedded sample, from pictures to a scored LoRA."""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import tomlkit
from pydantic import Field

from dataprep import files, images
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import RECIPE
from dataprep.settings import Settings as Base
from dataprep.stages import run as recipe
from dataprep.stages.train import require_trainer
from dataprep.weights import sample_data

SEED = 42
BROKEN_ON_PURPOSE = "zumi_23_truncated.jpg"
"""Cut short by the sample's makers: reported like any other, but no failure of the demo."""

RECIPE_TEXT = """\
# The demo's recipe. `dataprep run .` carries it out; every table is a stage.

[crop]
size = 128

[background]
model = "demo"
composite = "white"

[tag]
model = "demo"

[prune]
trigger = "zumi"
remove = ["green hair", "twintails", "hair flower", "yellow scarf", "blue dress"]

[export]
out = "lora"
concept = "zumi"
repeats = 8
base = "demo"

# train.toml takes these over: kohya's names
[train]
network_dim = 8
network_alpha = 8
unet_lr = 1e-3
text_encoder_lr = 5e-4
train_batch_size = 4
max_train_epochs = 6
lr_scheduler = "cosine"
seed = 42

[score]
samples = 8
"""


class Settings(Base):
    """What may be varied."""

    seed: int = Field(default=SEED, ge=0)
    """Seed of the training run."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Lay the sample out in ``target``, carry out its recipe, and say what the trigger learned."""
    if dry_run:
        lines = (f"would be carried out in {target}:", "", RECIPE_TEXT)
        return Report("demo", lines=lines, dry_run=True)
    require_trainer()
    yield from lay_out(target, settings.seed)
    with Dataset.open(target) as dataset:
        report = yield from recipe.run(dataset, recipe.Settings())
    score = report.facts["stages"]["score"]
    return replace(
        report,
        stage="demo",
        issues=tuple(
            replace(issue, fatal=issue.fatal and issue.file != BROKEN_ON_PURPOSE)
            for issue in report.issues
        ),
        facts={
            "lora": score["lora"],
            "grid": score["grid"],
            "uptake": score["uptake"],
            "seconds": report.facts["seconds"],
        },
    )


def lay_out(target: Path, seed: int = SEED) -> Job[None]:
    """Copy the pictures and write the recipe; in a folder begun before, only what is missing.

    Raises ``UsageError`` for a folder with anything else in it: nobody's project becomes a demo.
    """
    recipe_file = target / RECIPE
    if target.exists() and any(target.iterdir()) and not _is_demo(recipe_file):
        raise UsageError(f"{target}: is not empty and no demo", "name a new folder")
    target.mkdir(parents=True, exist_ok=True)
    begun = recipe_file.read_text(encoding="utf-8") if recipe_file.exists() else RECIPE_TEXT
    document = tomlkit.parse(begun)
    document["train"]["seed"] = seed
    files.write_text(recipe_file, tomlkit.dumps(document))
    # pictures alone: the sample may have been opened as a project itself
    names = images.find(sample_data() / "zumi")
    for done, name in enumerate(names, start=1):
        copy = target / name
        if not copy.exists():
            files.save(copy, partial(shutil.copyfile, sample_data() / "zumi" / name))
        yield Progress(done, len(names), name, stage="sample")


def _is_demo(recipe_file: Path) -> bool:
    first_line = RECIPE_TEXT.partition("\n")[0]
    return recipe_file.is_file() and recipe_file.read_bytes().startswith(first_line.encode())
