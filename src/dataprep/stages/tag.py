"""``dataprep tag``: run taggers once over every picture, then write captions from their scores."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from dataprep.cluster import Engine
from dataprep.dataset import Dataset
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.report import Issue, Report
from dataprep.scoring import How, Item, Scoring, items, key_of, known_keys, score
from dataprep.settings import Names
from dataprep.stages.scan import refresh
from dataprep.store import TaggerRow
from dataprep.taggers import Model, read_model
from dataprep.tagging import Tagged, Tagging, write
from dataprep.weights import fetch_tagger
from dataprep.writing import Writing, plan, remarks


class Settings(Writing, Tagging, Engine):
    """Which tagger, and which of its scores become tags."""

    model: Names
    """Name of a tagger, a repository on the Hugging Face Hub, a folder, or "demo"; several,
    separated by commas, are combined."""
    scores_only: bool = False
    """Score every picture and write no captions."""
    redo: bool = False
    """Run the model again also where its scores are remembered."""
    exact: bool = False
    """Decode every JPEG whole, and not perhaps at no less than twice what the model sees."""
    batch_size: int = Field(default=0, ge=0, le=512)
    """Pictures per batch on a GPU; 0 chooses."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA where it can."""
    offline: bool = False
    """Never fetch a model that is not on this machine."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Score what has no scores yet, then write the captions as one edit."""
    yield Progress(0, None, f"reading {', '.join(settings.model)}")
    models = []
    for name in settings.model:
        models.append(read_model((yield from fetch_tagger(name, offline=settings.offline))))
    issues = yield from refresh(dataset, settings)
    everything = items(dataset)
    wanted = _wanted(dataset, everything, settings)
    how = How(settings.device, settings.batch_size, settings.exact, settings)
    scorings: list[Scoring] = []
    cached = 0
    for model in models:
        key = key_of(model, how.exact)
        there = set() if settings.redo else known_keys(dataset.store, key)
        # two files with the same content are looked at once
        todo = {item.key: item for item in wanted if item.key not in there}
        cached += sum(item.key in there for item in everything)
        scorings.append((yield from score(dataset, model, list(todo.values()), how)))
    failed = [issue for scoring in scorings for issue in scoring.issues]
    if settings.scores_only:
        return _scores_only(models, scorings, len(wanted), (*issues, *failed), how)
    rows = [TaggerRow(key_of(m, how.exact), m.name, "", m.thresholds) for m in models]
    tagged = yield from write(dataset, rows, settings, "tag")
    found = (*issues, *failed, *tagged.issues)
    return Report(
        "tag",
        done=len(tagged.changes),
        unchanged=len(everything) - len(tagged.changes) - len({i.file for i in failed}),
        issues=found,
        changes=tagged.changes,
        facts=_facts(models, scorings, how, cached) | _counts(tagged),
        lines=_lines(models, scorings, tagged, found, dataset.dry_run),
        dry_run=dataset.dry_run,
    )


def _wanted(dataset: Dataset, everything: list[Item], settings: Settings) -> list[Item]:
    """The pictures that the model must know: those that get a caption."""
    if settings.scores_only or settings.redo:
        return everything
    planned = plan(dataset, (item.picture for item in everything), settings)
    names = {picture.name for picture in planned.pictures}
    return [item for item in everything if item.picture.name in names]


def _scores_only(
    models: Sequence[Model],
    scorings: Sequence[Scoring],
    pictures: int,
    issues: tuple[Issue, ...],
    how: How,
) -> Report:
    names = ", ".join(model.name for model in models)
    scored = sum(scoring.scored for scoring in scorings)
    return Report(
        "tag",
        done=scored,
        unchanged=len(models) * pictures - scored,
        issues=issues,
        facts=_facts(models, scorings, how, len(models) * pictures - scored),
        lines=(
            f"scored {scored} pictures with {names} ({_where(scorings)}); no caption written",
            *_fallbacks(scorings),
        ),
    )


def _facts(
    models: Sequence[Model], scorings: Sequence[Scoring], how: How, cached: int
) -> dict[str, object]:
    return {
        "model": ", ".join(model.name for model in models),
        "key": ", ".join(key_of(model, how.exact) for model in models),
        "device": next((scoring.device for scoring in scorings if scoring.device), ""),
        "cached": cached,
        "img_per_s": round(max(scoring.per_second for scoring in scorings), 1),
    }


def _counts(tagged: Tagged) -> dict[str, object]:
    return {
        "written": len(tagged.changes),
        "tags_each": round(tagged.tags_each, 2),
        "kept": tagged.planned.kept,
        "protected": tagged.planned.protected,
    }


def _lines(
    models: Sequence[Model],
    scorings: Sequence[Scoring],
    tagged: Tagged,
    issues: tuple[Issue, ...],
    dry_run: bool,
) -> tuple[str, ...]:
    verb = "would tag" if dry_run else "tagged"
    names = ", ".join(model.name for model in models)
    parts = [f"{verb} {len(tagged.changes)} pictures with {names} ({_where(scorings)})"]
    if tagged.changes:
        parts[0] += f": {tagged.tags_each:.1f} tags each"
    parts += remarks(tagged.planned)
    if skipped := len({issue.file for issue in issues if issue.fatal}):
        parts.append(f"{skipped} skipped")
    return ("; ".join(parts), *_fallbacks(scorings))


def _where(scorings: Sequence[Scoring]) -> str:
    devices = dict.fromkeys(scoring.device for scoring in scorings if scoring.device)
    return ", ".join(devices) or "scores remembered"


def _fallbacks(scorings: Sequence[Scoring]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(scoring.fallback for scoring in scorings if scoring.fallback))
