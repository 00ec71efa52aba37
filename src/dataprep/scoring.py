"""Run a tagger over pictures and remember what it said, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np

from dataprep.dataset import Dataset, now
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture, Scores, TaggerRow
from dataprep.taggers import Model, Tagger, open_tagger
from dataprep.taggers.pixels import Pixels
from dataprep.taggers.runner import Probabilities

FLOOR = 0.05
"""Scores from here on are remembered; thresholds can be moved down to it without a new run."""
AUTO_BATCH = 8
PATIENCE = 1.0
"""Seconds of work that a kill may cost where a batch takes longer."""

Row = tuple[str, str, Scores]


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
    """How a run went."""

    device: str = ""
    """Empty when the network did not have to run."""
    fallback: str = ""
    per_second: float = 0.0
    issues: list[Issue] = field(default_factory=list)


def items(dataset: Dataset) -> list[Item]:
    """The usable pictures with what was decided about them."""
    decided = dataset.decisions()
    return [Item(p, decided.get(p.name, Decisions())) for p in dataset.usable(decided)]


def score(
    dataset: Dataset, model: Model, todo: Sequence[Item], device: Device, batch_size: int
) -> Job[Scoring]:
    """Score pictures; whatever a progress counts is in the store, so a killed run goes on there.

    Threads decode and render ahead of the network. ``batch_size`` 0 chooses.
    """
    scoring = Scoring()
    if not todo:
        return scoring
    yield Progress(0, len(todo), f"loading {model.name}")
    tagger = open_tagger(model, device)
    scoring.device, scoring.fallback = tagger.device, tagger.fallback
    dataset.store.put_tagger(TaggerRow(model.key, model.name, now(), model.thresholds), model.tags)
    size, done, began = batch_size or AUTO_BATCH, 0, time.monotonic()

    def prepared(item: Item) -> Pixels | str:
        try:
            return tagger.prepare(dataset.render(item.picture, item.decisions))
        except BadImage as error:
            return error.message

    with closing(ordered(todo, prepared, threads(), 2 * size + threads())) as feed:
        for rows in _batches(feed, tagger, size, scoring.issues):
            dataset.store.put_scores(model.key, rows)
            done += len(rows)
            scoring.per_second = done / (time.monotonic() - began)
            speed = {"img_per_s": round(scoring.per_second, 1)}
            yield Progress(done + len(scoring.issues), len(todo), scoring.fallback, speed)
    return scoring


def _batches(
    feed: Iterable[tuple[Item, Pixels | str]], tagger: Tagger, size: int, issues: list[Issue]
) -> Generator[list[Row], None, None]:
    """Rows for the store: ``size`` at a time, or what there is when that takes too long."""
    rows: list[Row] = []
    batch: list[tuple[Item, Pixels]] = []
    since = time.monotonic()
    for item, pixels in feed:
        if isinstance(pixels, str):
            issues.append(Issue(item.picture.name, "unreadable", pixels))
        else:
            batch.append((item, pixels))
        if len(batch) >= min(size, tagger.at_once):
            rows += _rows(tagger, batch)
            batch = []
        if len(rows) >= size or time.monotonic() - since > PATIENCE:
            yield rows
            rows, since = [], time.monotonic()
    yield rows + _rows(tagger, batch)


def _rows(tagger: Tagger, batch: Sequence[tuple[Item, Pixels]]) -> list[Row]:
    scores = tagger.predict([pixels for _, pixels in batch])
    return [(*item.key, _above_floor(row)) for (item, _), row in zip(batch, scores, strict=True)]


def _above_floor(scores: Probabilities) -> Scores:
    ids = np.flatnonzero(scores >= FLOOR).astype(np.uint32)
    return Scores(ids, scores[ids].astype(np.float16))
