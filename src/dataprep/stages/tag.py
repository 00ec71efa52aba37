"""``dataprep tag``: run a tagger once over every picture, then write captions from its scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from dataprep.captions import split_tags, tag_key
from dataprep.dataset import Dataset
from dataprep.images import BadImage
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.report import Issue, Report
from dataprep.scoring import FLOOR, Item, Scoring, items, score
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.taggers import Choice, Model, manifest, read_model
from dataprep.weights import find_tagger

THRESHOLDS = manifest().thresholds


class Settings(Base):
    """Which tagger, and which of its scores become tags."""

    model: str
    """Folder with model.onnx and selected_tags.csv, the name of a WD14 tagger, or "demo"."""
    general: float = Field(default=THRESHOLDS["general"], ge=FLOOR, le=1)
    """Score from which a general tag is taken (0 to 1)."""
    character: float = Field(default=THRESHOLDS["character"], ge=FLOOR, le=1)
    """Score from which a character tag is taken (0 to 1)."""
    undesired: tuple[str, ...] = ()
    """Tags that are never written."""
    overwrite: bool = False
    """Replace captions that are there; without it pictures with a caption keep theirs."""
    append: bool = False
    """Add the new tags behind those of a caption that is there."""
    redo: bool = False
    """Run the model again also where its scores are remembered."""
    batch_size: int = Field(default=0, ge=0, le=512)
    """Pictures per batch; 0 chooses."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA where it can."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.overwrite and self.append:
            raise ValueError("overwrite and append exclude each other")
        return self


@dataclass(slots=True)
class Captions:
    """What is to be written, and what not."""

    changes: list[Change] = field(default_factory=list)
    kept: int = 0
    """Pictures that keep the caption they have."""
    issues: list[Issue] = field(default_factory=list)


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Score what has no scores yet, then write the captions as one edit."""
    yield Progress(0, None, f"reading {settings.model}")
    model = read_model(find_tagger(settings.model))
    issues = yield from refresh(dataset)
    pictures = items(dataset)
    known = dataset.store.scores(model.key).keys() if not settings.redo else set()
    # two files with the same content are looked at once
    todo = {item.key: item for item in pictures if item.key not in known}
    scoring = yield from score(
        dataset, model, list(todo.values()), settings.device, settings.batch_size
    )
    captions = _captions(dataset, pictures, model, settings)
    changes = dataset.edit(f"tag with {model.name}", captions.changes)
    cached = sum(item.key not in todo for item in pictures)
    found = (*issues, *scoring.issues, *captions.issues)
    return Report(
        "tag",
        done=len(changes),
        unchanged=len(pictures) - len(changes) - len(scoring.issues),
        issues=found,
        changes=changes,
        facts=_facts(model, scoring, changes, cached),
        lines=_lines(model, scoring, changes, captions.kept, found, dataset.dry_run),
        dry_run=dataset.dry_run,
    )


def _captions(dataset: Dataset, pictures: list[Item], model: Model, settings: Settings) -> Captions:
    choice = Choice(model.tags, settings.general, settings.character, settings.undesired)
    scores = dataset.store.scores(model.key)
    result = Captions()
    taken: set[Path] = set()
    for item in pictures:
        name = item.picture.name
        path = dataset.caption_path(name)
        if item.key not in scores or path in taken:
            # both are among the issues: not scored, or shares its caption file with another
            continue
        taken.add(path)
        try:
            before = split_tags(dataset.caption(name) or "")
        except BadImage:
            # the scan's list has it
            continue
        if before and not settings.overwrite and not settings.append:
            result.kept += 1
            continue
        found = scores[item.key]
        tags = choice.tags(found.ids, found.values)
        if not tags:
            reason = "no score reaches the threshold"
            result.issues.append(Issue(name, "no tags", reason, fatal=False))
        change = dataset.caption_change(name, _added(before, tags) if settings.append else tags)
        result.changes.append(change)
    return result


def _added(before: list[str], tags: list[str]) -> list[str]:
    keys = {tag_key(tag) for tag in before}
    return [*before, *(tag for tag in tags if tag_key(tag) not in keys)]


def _tags_each(changes: tuple[Change, ...]) -> float:
    counts = [len(split_tags(change.after or "")) for change in changes]
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
    kept: int,
    issues: tuple[Issue, ...],
    dry_run: bool,
) -> tuple[str, ...]:
    where = scoring.device or "scores remembered"
    verb = "would tag" if dry_run else "tagged"
    parts = [f"{verb} {len(changes)} pictures with {model.name} ({where})"]
    if changes:
        parts[0] += f": {_tags_each(changes):.1f} tags each"
    if kept:
        parts.append(f"{kept} keep the caption they have")
    if skipped := len({issue.file for issue in issues if issue.fatal}):
        parts.append(f"{skipped} skipped")
    return ("; ".join(parts), *([scoring.fallback] if scoring.fallback else []))
