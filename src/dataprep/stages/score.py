"""``dataprep score``: sample every saved epoch, read the samples with the tagger, make the grid."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from dataprep import lora_files, uptake
from dataprep.errors import DataprepError
from dataprep.grid import save_grid
from dataprep.images import decode
from dataprep.jobs import Job, Progress, child, module_command
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.settings import read_toml
from dataprep.stages.train import require_trainer, train_file
from dataprep.taggers import open_tagger, select
from dataprep.uptake import Sample
from dataprep.vocabulary import CATEGORIES
from dataprep.weights import find_tagger

BASE = "base"
TAG_BATCH = 8


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


@dataclass(frozen=True, slots=True)
class Trained:
    """What the score needs to know of a finished training folder."""

    base: str
    size: int
    clip_skip: int
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
    """Score each epoch's LoRA against the base; write ``grid.png`` and ``samples/``."""
    require_trainer()
    trained = _read(train_file(target))
    if dry_run:
        return _dry(trained, settings)
    tagger = open_tagger(find_tagger(_tagger_name(trained, settings)))
    loras = _loras(trained)
    folder = train_file(target).parent / "samples"
    drawn = yield from _draw(trained, settings, loras, folder)
    samples = yield from _tagged(drawn, tagger, settings)
    return _report(trained, settings, loras, samples, folder.parent / "grid.png")


def _read(path: Path) -> Trained:
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
        size=_side(flat.get("resolution", 512)),
        clip_skip=int(flat.get("clip_skip", 1)),
        model=path.parent / flat.get("output_dir", "model"),
        output_name=flat.get("output_name", "lora"),
        trigger=flat["trigger_word"],
        pruned=tuple(flat["pruned_tags"]),
        kept=tuple(flat.get("kept_tags", ())),
        tagger=flat.get("tagger", ""),
    )


def _side(resolution: object) -> int:
    """512, "512,768" and [512, 768] are sampled at 512×512."""
    first = resolution[0] if isinstance(resolution, list) else str(resolution).split(",")[0]
    return int(first)


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


def _draw(
    trained: Trained, settings: Settings, loras: dict[str, Path | None], folder: Path
) -> Job[list[dict[str, Any]]]:
    request = {
        "model": trained.base,
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
        "out_dir": str(folder),
    }
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


def _report(
    trained: Trained,
    settings: Settings,
    loras: dict[str, Path | None],
    samples: list[Sample],
    grid: Path,
) -> Report:
    scores = {
        name: [
            round(uptake.of(samples, name, prompt, trained.pruned), 4) for prompt in trained.prompts
        ]
        for name in loras
    }
    best = max((name for name in loras if name != BASE), key=lambda name: scores[name][0])
    final = list(loras)[-1]
    rows = [
        (prompt, settings.seed + place)
        for prompt in trained.prompts
        for place in range(min(settings.shown, settings.samples))
    ]
    cells = {(s.lora, s.prompt, s.seed): Path(s.path) for s in samples}
    save_grid(grid, [(name, _percent(scores[name][0])) for name in loras], rows, cells, best)
    return Report(
        "score",
        done=len(samples),
        facts={
            "grid": str(grid),
            "lora": str(loras[final]),
            "best": best,
            "best_lora": str(loras[best]),
            "uptake": {"base": scores[BASE][0], "lora": scores[final][0]},
            "uptake_by_epoch": {
                name: dict(zip(trained.prompts, s, strict=True)) for name, s in scores.items()
            },
        },
        lines=(
            *(
                f"{name:>10}  {_percent(value[0]):>5}{'  best' if name == best else ''}"
                for name, value in scores.items()
            ),
            f"LoRA: {loras[final]}",
            f"grid: {grid}",
            uptake.sentence(trained.trigger, scores[BASE][0], scores[final][0]),
        ),
    )


def _dry(trained: Trained, settings: Settings) -> Report:
    columns = ", ".join(_loras(trained))
    lines = (f"{settings.samples} samples each of {columns} for:", *trained.prompts)
    return Report("score", lines=lines, dry_run=True)


def _percent(value: float) -> str:
    return f"{value * 100:.0f} %"
