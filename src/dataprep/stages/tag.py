"""``dataprep tag``: run a tagger once over every picture, then write captions from its scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture, Scores
from dataprep.taggers import Choice, Model, Tagger, manifest, open_tagger, read_model
from dataprep.taggers.pixels import Pixels
from dataprep.taggers.runner import Device, Probabilities
from dataprep.weights import find_tagger

FLOOR = 0.05
"""Scores above this are remembered; thresholds can be moved later down to here."""
AUTO_BATCH = 8
PATIENCE = 1.0
"""Seconds of work that a kill may cost when a batch takes longer."""
THRESHOLDS = manifest().thresholds


class Settings(Base):
    """Which tagger, and which of its scores become tags."""

    model: str
    """Folder with model.onnx and selected_tags.csv, the name of a WD14 tagger, or "demo"."""
    general: float = Field(default=THRESHOLDS["general"], ge=FLOOR, le=1)
    """Score (0 to 1) from which a general tag is taken."""
    character: float = Field(default=THRESHOLDS["character"], ge=FLOOR, le=1)
    """Score (0 to 1) from which a character tag is taken."""
    undesired: tuple[str, ...] = ()
    """Tags that are never written."""
    overwrite: bool = False
    """Replace captions that are there; without it, pictures with a caption keep theirs."""
    append: bool = False
    """Add new tags behind those of a caption that is there."""
    redo: bool = False
    """Run the model again also where its scores are remembered."""
    batch_size: int = Field(default=0, ge=0, le=512)
    """Pictures per batch; 0 chooses."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA when there is one."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.overwrite and self.append:
            raise ValueError("overwrite and append exclude each other")
        return self


@dataclass(frozen=True, slots=True)
class Item:
    """A picture as it is rendered now."""

    picture: Picture
    decisions: Decisions

    @property
    def key(self) -> tuple[str, str]:
        """Content and render: under this its scores are remembered."""
        return self.picture.sha, self.decisions.render_key


@dataclass(slots=True)
class Scoring:
    """How the model's part went."""

    device: str = ""
    """Empty when the model did not have to run."""
    fallback: str = ""
    scored: int = 0
    per_second: float = 0.0
    issues: list[Issue] = field(default_factory=list)


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Score what has no scores yet, then write captions as one edit."""
    yield Progress(0, None, f"reading {settings.model}")
    model = read_model(find_tagger(settings.model))
    issues = yield from refresh(dataset)
    decisions = dataset.decisions()
    items = [Item(p, decisions.get(p.name, Decisions())) for p in dataset.usable()]
    known = set() if settings.redo else dataset.store.scores(model.key).keys()
    todo = list({item.key: item for item in items if item.key not in known}.values())
    if dataset.store.vocabulary(model.key) != list(model.tags):
        dataset.store.put_vocabulary(model.key, model.tags)
    scoring = yield from _score(dataset, model, todo, settings)
    changes, kept, unread = _captions(dataset, items, model, settings)
    done = dataset.edit(f"tag with {model.name}", changes)
    issues += [issue for issue in (*scoring.issues, *unread) if issue not in issues]
    return _report(dataset, model, scoring, issues, items, done, kept)


def _score(dataset: Dataset, model: Model, todo: list[Item], settings: Settings) -> Job[Scoring]:
    """Run the model over ``todo``; every progress counts only what is already in the store."""
    scoring = Scoring()
    if not todo:
        return scoring
    yield Progress(0, len(todo), f"loading {model.name}")
    tagger = open_tagger(model, settings.device)
    scoring.device, scoring.fallback = tagger.device, tagger.fallback
    size = settings.batch_size or AUTO_BATCH
    began = time.monotonic()
    workers = threads()
    feed = ordered(todo, partial(_prepared, dataset.render, tagger), workers, 2 * size + workers)
    with closing(feed):
        for rows in _batches(feed, tagger, size, scoring):
            dataset.store.put_scores(model.key, rows)
            scoring.scored += len(rows)
            scoring.per_second = scoring.scored / (time.monotonic() - began)
            done = scoring.scored + len(scoring.issues)
            yield Progress(
                done, len(todo), scoring.fallback, {"img_per_s": round(scoring.per_second, 1)}
            )
    return scoring


def _prepared(
    render: Callable[[Picture, Decisions], object], tagger: Tagger, item: Item
) -> Pixels | str:
    """What the model sees, or the reason why it cannot see it. Runs in a thread."""
    return ""
