"""``dataprep tag``: run a tagger once over every picture, then write captions from its scores."""

from __future__ import annotations

from pydantic import Field

from dataprep.dataset import Dataset
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.report import Issue, Report
from dataprep.scoring import FLOOR, Item, Scoring, items, score
from dataprep.stages.scan import refresh
from dataprep.taggers import Choice, Model, manifest, read_model
from dataprep.weights import find_tagger
from dataprep.writing import Plan, Writer, Writing, plan, remarks, tags_of

THRESHOLDS = manifest().thresholds


class Settings(Writing):
    """Which tagger, and which of its scores become tags."""

    model: str
    """Folder with model.onnx and selected_tags.csv, the name of a WD14 tagger, or "demo"."""
    general: float = Field(default=THRESHOLDS["general"], ge=FLOOR, le=1)
    """Score from which a general tag is taken (0 to 1)."""
    character: float = Field(default=THRESHOLDS["character"], ge=FLOOR, le=1)
    """Score from which a character tag is taken (0 to 1)."""
    undesired: tuple[str, ...] = ()
    """Tags that are never written."""
    redo: bool = False
    """Run the model again also where its scores are remembered."""
    batch_size: int = Field(default=0, ge=0, le=512)
    """Pictures per batch; 0 chooses."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA where it can."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Score what has no scores yet, then write the captions as one edit."""
    yield Progress(0, None, f"reading {settings.model}")
    model = read_model(find_tagger(settings.model))
    issues = yield from refresh(dataset, settings)
    pictures = items(dataset)
    known = dataset.store.scores(model.key).keys() if not settings.redo else set()
    # two files with the same content are looked at once
    todo = {item.key: item for item in pictures if item.key not in known}
    scoring = yield from score(
        dataset, model, list(todo.values()), settings.device, settings.batch_size
    )
    planned = plan(dataset, (item.picture for item in pictures), settings)
    proposed, remarked = _captions(dataset, pictures, planned, model, settings)
    changes = dataset.edit(f"tag with {model.name}", proposed, settings.origin)
    cached = sum(item.key not in todo for item in pictures)
    found = (*issues, *scoring.issues, *remarked)
    return Report(
        "tag",
        done=len(changes),
        unchanged=len(pictures) - len(changes) - len(scoring.issues),
        issues=found,
        changes=changes,
        facts=_facts(model, scoring, changes, cached),
        lines=_lines(model, scoring, changes, planned, found, dataset.dry_run),
        dry_run=dataset.dry_run,
    )


def _captions(
    dataset: Dataset, pictures: list[Item], planned: Plan, model: Model, settings: Settings
) -> tuple[list[Change], list[Issue]]:
    """What is to be written, and remarks on pictures of which nothing is said."""
    choice = Choice(model.tags, settings.general, settings.character, settings.undesired)
    scores = dataset.store.scores(model.key)
    keys = {item.picture.name: item.key for item in pictures}
    writer = Writer(dataset, settings)
    changes: list[Change] = []
    remarked: list[Issue] = []
    for picture in planned.pictures:
        found = scores.get(keys[picture.name])
        if found is None:
            continue  # among the issues
        tags = choice.tags(found.ids, found.values)
        if not tags:
            reason = "no score reaches the threshold"
            remarked.append(Issue(picture.name, "no tags", reason, fatal=False))
        changes.append(writer.change(picture.name, tags))
    return changes, remarked


def _tags_each(changes: tuple[Change, ...]) -> float:
    counts = [len(tags_of(change)) for change in changes]
    return sum(counts) / len(counts) if counts else 0.0


def _facts(
    model: Model, scoring: Scoring, changes: tuple[Change, ...], cached: int
) -> dict[str, object]:
    return {
        "model": model.name,
        "key": model.key,
        "device": scoring.device,
        "written": len(changes),
        "cached": cached,
        "tags_each": round(_tags_each(changes), 2),
        "img_per_s": round(scoring.per_second, 1),
    }


def _lines(
    model: Model,
    scoring: Scoring,
    changes: tuple[Change, ...],
    planned: Plan,
    issues: tuple[Issue, ...],
    dry_run: bool,
) -> tuple[str, ...]:
    where = scoring.device or "scores remembered"
    verb = "would tag" if dry_run else "tagged"
    parts = [f"{verb} {len(changes)} pictures with {model.name} ({where})"]
    if changes:
        parts[0] += f": {_tags_each(changes):.1f} tags each"
    parts += remarks(planned)
    if skipped := len({issue.file for issue in issues if issue.fatal}):
        parts.append(f"{skipped} skipped")
    return ("; ".join(parts), *([scoring.fallback] if scoring.fallback else []))
