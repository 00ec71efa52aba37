"""``dataprep score``: sample every saved epoch, read the samples with the tagger, make the grid."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from dataprep import lora_files, scoresheet, uptake
from dataprep.errors import DataprepError
from dataprep.grid import save_grid
from dataprep.images import decode
from dataprep.jobs import Job, Progress, child, module_command
from dataprep.report import Report
from dataprep.scoresheet import BASE
from dataprep.settings import Settings as Base
from dataprep.settings import read_toml
from dataprep.stages.train import require_trainer, train_file
from dataprep.taggers import open_tagger, select
from dataprep.uptake import Sample
from dataprep.vocabulary import CATEGORIES
from dataprep.weights import find_tagger

TAG_BATCH = 8
DRAW_BATCH = 8
DRAW_PIXELS = DRAW_BATCH * 512 * 512
"""Of the pictures drawn at a time: at 1024 px the VAE takes some GB for each of them."""
SIDE_STEP = 8
"""Pixels of a latent: sides of samples are multiples of it."""


class Settings(Base):
    """How many samples, and how they are drawn."""

    samples: int = Field(default=8, ge=1, le=256)
    """Samples of each prompt and epoch; more make the score steadier."""
    shown: int = Field(default=3, ge=1, le=16)
    """How many samples of each prompt the grid shows."""
    steps: int = Field(default=20, ge=1, le=200)
    """Sampling steps."""
    guidance: float = Field(default=5.0, ge=1, le=30)
    """Classifier-free guidance scale (CFG)."""
    seed: int = Field(default=1, ge=0)
    """Seed of the first sample; the others count on from it."""
    tagger: str = ""
    """Name or folder of the tagger; the one that tagged the pictures if empty."""
    general: float = Field(default=0.35, gt=0, lt=1)
    """From this score on a tag counts as drawn."""


BASE_PLACES = ("tokenizer", "model_config_dir")
BASE_SWITCHES = ("v2", "v_parameterization", "zero_terminal_snr")


@dataclass(frozen=True, slots=True)
class Trained:
    """What the score needs to know of a finished training folder."""

    base: str
    about_base: dict[str, Any]
    """What else is said of the base model, by the trainer's keys."""
    size: int
    clip_skip: int
    device: str
    model: Path
    output_name: str
    trigger: str
    pruned: tuple[str, ...]
    kept: tuple[str, ...]
    tagger: str

    @property
    def prompts(self) -> tuple[str, ...]:
        """The trigger alone, and the trigger with the tags that stayed in the captions."""
        return tuple(dict.fromkeys((self.trigger, ", ".join((self.trigger, *self.kept)))))


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Score each epoch's LoRA against the base: ``grid.png``, ``samples/`` and ``score.json``."""
    require_trainer()
    trained = read(train_file(target))
    if dry_run:
        return _dry(trained, settings)
    tagger = open_tagger(find_tagger(_tagger_name(trained, settings)))
    loras = _loras(trained)
    folder = train_file(target).parent / "samples"
    drawn = yield from _draw(trained, settings, loras, folder)
    samples = yield from _tagged(drawn, tagger, settings)
    sheet = _sheet(trained, loras, samples)
    grid = folder.parent / "grid.png"
    _draw_grid(grid, sheet, settings)
    scoresheet.write(grid.parent, sheet)
    return _report(sheet, grid)


def read(path: Path) -> Trained:
    """The values of a train.toml, sections flattened as the trainer does."""
    flat: dict[str, Any] = {}
    for key, value in read_toml(path).items():
        flat |= value if isinstance(value, dict) else {key: value}
    if not flat.get("trigger_word") or not flat.get("pruned_tags"):
        raise DataprepError(
            f"{path}: [concept] names no trigger_word or no pruned_tags: nothing to measure",
            "`dataprep prune --remove … --trigger …` before the export writes them",
        )
    return Trained(
        base=_model_name(path.parent, str(flat.get("pretrained_model_name_or_path", ""))),
        about_base=_about_base(path.parent, flat),
        size=_side(flat.get("resolution", 512)),
        clip_skip=int(flat.get("clip_skip", 1)),
        device=str(flat.get("device", "auto")),
        model=path.parent / flat.get("output_dir", "model"),
        output_name=flat.get("output_name", "lora"),
        trigger=flat["trigger_word"],
        pruned=tuple(flat["pruned_tags"]),
        kept=tuple(flat.get("kept_tags", ())),
        tagger=flat.get("tagger", ""),
    )


def _about_base(folder: Path, flat: dict[str, Any]) -> dict[str, Any]:
    places = {key: str(folder / flat[key]) for key in BASE_PLACES if flat.get(key)}
    vae = {"vae": _model_name(folder, flat["vae"])} if flat.get("vae") else {}
    return {**{key: flat[key] for key in BASE_SWITCHES if key in flat}, **places, **vae}


def _side(resolution: object) -> int:
    """The side of the samples' square, pixels: of 512, "512,768" and [512, 768] it is 512."""
    first = resolution[0] if isinstance(resolution, list) else str(resolution).split(",")[0]
    return max(SIDE_STEP, int(first) // SIDE_STEP * SIDE_STEP)


def _model_name(folder: Path, name: str) -> str:
    """A path beside train.toml, or the name as it stands."""
    return str(folder / name) if (folder / name).exists() else name


def _tagger_name(trained: Trained, settings: Settings) -> str:
    name = settings.tagger or trained.tagger
    if not name:
        raise DataprepError("no tagger is named in train.toml", "give --tagger NAME_OR_DIR")
    return name


def _loras(trained: Trained) -> dict[str, Path | None]:
    """Column names and files: the base first, then what the last run saved, in its order."""
    saved = lora_files.of_last_run(trained.model, trained.output_name)
    if not saved:
        raise DataprepError(f"{trained.model}: no LoRA here", "`dataprep train` makes one")
    return {BASE: None, **saved}


def request_of(
    trained: Trained, settings: Settings, loras: dict[str, Path | None], folder: Path
) -> dict[str, Any]:
    """What the trainer is asked to draw."""
    return {
        "model": trained.base,
        **trained.about_base,
        "loras": [
            {"name": name, "path": str(path) if path else None, "weight": 1.0}
            for name, path in loras.items()
        ],
        "prompts": trained.prompts,
        "negative": "",
        "seeds": list(range(settings.seed, settings.seed + settings.samples)),
        "width": trained.size,
        "height": trained.size,
        "steps": settings.steps,
        "guidance": settings.guidance,
        "clip_skip": trained.clip_skip,
        "sampler": "ddim",
        "batch_size": max(1, min(DRAW_BATCH, DRAW_PIXELS // trained.size**2)),
        "device": trained.device,
        "out_dir": str(folder),
    }


def _draw(
    trained: Trained, settings: Settings, loras: dict[str, Path | None], folder: Path
) -> Job[list[dict[str, Any]]]:
    request = request_of(trained, settings, loras, folder)
    with tempfile.TemporaryDirectory() as temp:
        path = Path(temp, "request.json")
        path.write_text(json.dumps(request, ensure_ascii=False), encoding="utf-8")
        result = yield from child(module_command("train", "draw", str(path)))
    return list(result["images"])


def _tagged(drawn: list[dict[str, Any]], tagger: Any, settings: Settings) -> Job[list[Sample]]:
    samples: list[Sample] = []
    for start in range(0, len(drawn), TAG_BATCH):
        batch = drawn[start : start + TAG_BATCH]
        yield Progress(start, len(drawn), "reading the samples")
        prepared = [tagger.prepare(decode(Path(image["path"]))) for image in batch]
        for image, scores in zip(batch, tagger.predict(prepared), strict=True):
            tags = select(scores, tagger.tags, dict.fromkeys(CATEGORIES, settings.general))
            samples.append(
                Sample(image["lora"], image["prompt"], image["seed"], image["path"], tuple(tags))
            )
    yield Progress(len(drawn), len(drawn), "read the samples")
    return samples


def _sheet(
    trained: Trained, loras: dict[str, Path | None], samples: list[Sample]
) -> scoresheet.Sheet:
    def share(name: str, prompt: str) -> float:
        return round(uptake.of(samples, name, prompt, trained.pruned), 4)

    columns = tuple(
        scoresheet.Column(
            name, str(file or ""), tuple(share(name, prompt) for prompt in trained.prompts)
        )
        for name, file in loras.items()
    )
    best = max((column for column in columns if column.file), key=lambda column: column.uptake[0])
    return scoresheet.Sheet(
        trained.trigger, trained.pruned, trained.prompts, columns, tuple(samples), best.name
    )


def _draw_grid(path: Path, sheet: scoresheet.Sheet, settings: Settings) -> None:
    """A row for each prompt and the first seeds."""
    seeds = sheet.seeds[: settings.shown]
    rows = [(prompt, seed) for prompt in sheet.prompts for seed in seeds]
    cells = {place: Path(sample.path) for place, sample in sheet.cells().items()}
    heads = [(column.name, _percent(column.uptake[0])) for column in sheet.columns]
    save_grid(path, heads, rows, cells, sheet.best)


def _report(sheet: scoresheet.Sheet, grid: Path) -> Report:
    base, final = sheet.column(BASE).uptake[0], sheet.columns[-1]
    return Report(
        "score",
        done=len(sheet.samples),
        facts={
            "grid": str(grid),
            "lora": final.file,
            "best": sheet.best,
            "best_lora": sheet.column(sheet.best).file,
            "uptake": {"base": base, "lora": final.uptake[0]},
            "uptake_by_epoch": {
                column.name: dict(zip(sheet.prompts, column.uptake, strict=True))
                for column in sheet.columns
            },
        },
        lines=(
            *(
                f"{column.name:>10}  {_percent(column.uptake[0]):>5}"
                f"{'  best' if column.name == sheet.best else ''}"
                for column in sheet.columns
            ),
            f"LoRA: {final.file}",
            f"grid: {grid}",
            uptake.sentence(sheet.trigger, base, final.uptake[0]),
        ),
    )


def _dry(trained: Trained, settings: Settings) -> Report:
    columns = ", ".join(_loras(trained))
    lines = (f"{settings.samples} samples each of {columns} for:", *trained.prompts)
    return Report("score", lines=lines, dry_run=True)


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"
