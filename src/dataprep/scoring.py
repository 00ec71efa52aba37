"""Run a tagger over pictures and remember what it said, batch by batch."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dataprep.choosing import FLOOR
from dataprep.cluster import LOCAL, Engine, spread
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.journalled import now
from dataprep.originals import Originals
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture, Scores, Store, TaggerRow
from dataprep.taggers import Model, Tagger, open_tagger
from dataprep.taggers.pixels import Pixels
from dataprep.taggers.runner import Probabilities

GPU_BATCH = 32
LANES = 4
"""On the CPU so many pictures are in the network at once, each on its share of the cores."""
DRAFT = 2
"""A JPEG is decoded at no less than so many times the size that the network sees."""
FAST = "-fast"
"""Ends the key of scores of pictures that may have been decoded at a fraction."""
PATIENCE = 0.5
"""Seconds of work that a kill may cost."""

Row = tuple[str, str, Scores]
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """A picture as it is rendered now."""

    picture: Picture
    decisions: Decisions

    @property
    def key(self) -> Key:
        """Content and render: under this its scores are remembered."""
        return self.picture.sha, self.decisions.render_key


@dataclass(frozen=True, slots=True)
class How:
    """How a tagger is run."""

    device: Device = "auto"
    batch_size: int = 0
    """0 chooses."""
    exact: bool = False
    """Decode every picture whole."""
    engine: Engine = LOCAL


@dataclass(slots=True)
class Scoring:
    """How a run went."""

    device: str = ""
    """Empty when the network did not have to run."""
    fallback: str = ""
    scored: int = 0
    per_second: float = 0.0
    issues: list[Issue] = field(default_factory=list)


def items(dataset: Dataset) -> list[Item]:
    """The usable pictures with what was decided about them."""
    decided = dataset.decisions()
    return [Item(p, decided.get(p.name, Decisions())) for p in dataset.usable(decided)]


def key_of(model: Model, exact: bool) -> str:
    """Under which a model's scores are kept."""
    return model.key if exact else model.key + FAST


def known(store: Store, key: str) -> Mapping[Key, Scores]:
    """Scores that serve under a key: exact ones serve where fast ones are enough."""
    exact = store.scores(key.removesuffix(FAST))
    return {**store.scores(key), **exact} if key.endswith(FAST) else exact


def known_keys(store: Store, key: str) -> set[Key]:
    """The pictures that ``known`` has scores of, without the scores."""
    return store.scored(key) | store.scored(key.removesuffix(FAST))


def score(dataset: Dataset, model: Model, todo: Sequence[Item], how: How) -> Job[Scoring]:
    """Score pictures; whatever a progress counts is in the store, so a killed run goes on there.

    Threads decode and render ahead of the network.
    """
    scoring = Scoring()
    key = key_of(model, how.exact)
    dataset.store.put_tagger(TaggerRow(key, model.name, now(), model.thresholds), model.tags)
    if not todo:
        return scoring
    yield Progress(0, len(todo), f"loading {model.name}")
    originals = Originals(dataset.root, dataset.max_pixels)
    if how.engine.is_spread:
        found = _spread(Scorer(originals, model, how), todo, scoring)
    else:
        tagger = open_tagger(model, how.device, _cores_each())
        scoring.device, scoring.fallback = tagger.device, tagger.fallback
        found = _scored(Reader(originals, tagger, how.exact), todo, how.batch_size, scoring.issues)
    began = time.monotonic()
    with closing(found) as batches:
        for rows in batches:
            if rows:
                dataset.store.put_scores(key, rows)
                scoring.scored += len(rows)
                scoring.per_second = scoring.scored / (time.monotonic() - began)
            speed = {"img_per_s": round(scoring.per_second, 1)}
            yield Progress(scoring.scored + len(scoring.issues), len(todo), scoring.fallback, speed)
    return scoring


def _lanes() -> int:
    return min(os.cpu_count() or 1, LANES)


def _cores_each() -> int:
    return max(1, (os.cpu_count() or 1) // _lanes())


class Reader:
    """A tagger and the files it looks at; its methods may be called from several threads."""

    def __init__(self, originals: Originals, tagger: Tagger, exact: bool) -> None:
        self._originals, self.tagger, self._exact = originals, tagger, exact

    def pixels(self, item: Item) -> Pixels | str:
        """What the network sees of a picture, or why it cannot be seen."""
        picture, at_least = item.picture, None
        if not self._exact:
            width, height = self.tagger.fitted(picture.width, picture.height)
            at_least = (DRAFT * width, DRAFT * height)
        try:
            image = self._originals.render(picture, item.decisions, at_least)
            fraction = at_least is not None and item.decisions.crop is None
            quick = fraction and image.size != (picture.width, picture.height)
            return self.tagger.prepare(image, quick)
        except BadImage as error:
            return error.message

    def row(self, item: Item) -> Row | str:
        """A picture's scores, or why there are none."""
        pixels = self.pixels(item)
        if isinstance(pixels, str):
            return pixels
        return (*item.key, above_floor(self.tagger.predict(pixels[None])[0]))

    def rows(self, batch: Sequence[tuple[Item, Pixels]]) -> list[Row]:
        """The scores of prepared pictures, which go through the network together."""
        scores = self.tagger.predict([pixels for _, pixels in batch])
        return [(*item.key, above_floor(row)) for (item, _), row in zip(batch, scores, strict=True)]


def above_floor(scores: Probabilities) -> Scores:
    """What is remembered of the scores of one picture, shape (tags,)."""
    ids = np.flatnonzero(scores >= FLOOR).astype(np.uint32)
    return Scores(ids, scores[ids].astype(np.float16))


@dataclass(frozen=True, slots=True)
class Scorer:
    """How a worker of a cluster that scores pictures is made."""

    originals: Originals
    model: Model
    how: How

    @property
    def sees(self) -> tuple[Path, ...]:
        """The project and the model."""
        return self.originals.root, self.model.path

    def open(self, cores: int) -> ScoringWorker:
        """Load the tagger."""
        tagger = open_tagger(self.model, self.how.device, 1)
        reader = Reader(self.originals, tagger, self.how.exact)
        return ScoringWorker(reader, self.how.batch_size, cores)


class ScoringWorker:
    """Scores pictures on a machine of a cluster, as it is done here."""

    def __init__(self, reader: Reader, batch_size: int, cores: int) -> None:
        self.device, self.remark = reader.tagger.device, reader.tagger.fallback
        self._reader, self._batch_size, self._cores = reader, batch_size, cores

    def __call__(self, batch: Sequence[Item]) -> list[Row | str]:
        """Each picture's scores, or why there are none."""
        issues: list[Issue] = []
        with closing(_scored(self._reader, batch, self._batch_size, issues, self._cores)) as found:
            said: dict[Key, Row | str] = {row[:2]: row for rows in found for row in rows}
        reasons = {issue.file: issue.reason for issue in issues}
        return [said.get(item.key) or reasons[item.picture.name] for item in batch]


def _spread(
    scorer: Scorer, todo: Sequence[Item], scoring: Scoring
) -> Generator[list[Row], None, None]:
    """Rows for the store as a cluster brings them; none after a silent moment."""
    how = scorer.how
    size = how.batch_size or GPU_BATCH
    with closing(spread(how.engine, scorer, todo, size, how.device)) as landed:
        for one in landed:
            if one is None:
                yield []
                continue
            scoring.device, scoring.fallback = one.device, one.remark
            scoring.issues += [
                Issue(item.picture.name, "unreadable", row)
                for item, row in one.pairs
                if isinstance(row, str)
            ]
            yield [row for _, row in one.pairs if not isinstance(row, str)]
    # batches come back as they are done; pictures are in the order of their names
    scoring.issues.sort(key=lambda issue: issue.file)


def _scored(
    reader: Reader, todo: Sequence[Item], batch_size: int, issues: list[Issue], cores: int = 0
) -> Generator[list[Row], None, None]:
    """Rows for the store, as many as come within a while; ``cores`` 0: all there are."""
    if reader.tagger.at_once == 1:
        # each thread takes a picture from the file to its scores: no core waits for another, and
        # what decodes takes nothing from what computes. Batches gain nothing on a CPU
        lanes = cores or _lanes()
        with closing(ordered(todo, reader.row, lanes, 2 * lanes)) as feed:
            yield from _patiently(_one_by_one(feed, issues))
        return
    size, width = batch_size or GPU_BATCH, cores or threads()
    with closing(ordered(todo, reader.pixels, width, 2 * size + width)) as feed:
        yield from _patiently(_batches(feed, reader, size, issues))


def _patiently(batches: Iterable[list[Row]]) -> Generator[list[Row], None, None]:
    """The rows of several batches at once: every transaction waits for the disk."""
    rows: list[Row] = []
    since = time.monotonic()
    for batch in batches:
        rows += batch
        if time.monotonic() - since > PATIENCE:
            yield rows
            rows, since = [], time.monotonic()
    yield rows


def _one_by_one(
    feed: Iterable[tuple[Item, Row | str]], issues: list[Issue]
) -> Generator[list[Row], None, None]:
    for item, row in feed:
        if isinstance(row, str):
            issues.append(Issue(item.picture.name, "unreadable", row))
            yield []
        else:
            yield [row]


def _batches(
    feed: Iterable[tuple[Item, Pixels | str]], reader: Reader, size: int, issues: list[Issue]
) -> Generator[list[Row], None, None]:
    batch: list[tuple[Item, Pixels]] = []
    for item, pixels in feed:
        if isinstance(pixels, str):
            issues.append(Issue(item.picture.name, "unreadable", pixels))
        else:
            batch.append((item, pixels))
        # a batch that did not fit into memory was halved, and stays so
        if len(batch) >= min(size, reader.tagger.at_once):
            yield reader.rows(batch)
            batch = []
    yield reader.rows(batch) if batch else []
