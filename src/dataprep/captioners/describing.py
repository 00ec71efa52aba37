"""Run a captioner over pictures and remember what it wrote, batch by batch."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from dataprep.captioners.flight import in_flight
from dataprep.captioners.parts import Answer, Ask, remembered, seed_of, shrunk
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.originals import Originals
from dataprep.pool import ordered, threads
from dataprep.render import flatten
from dataprep.report import Issue
from dataprep.store import Picture, Store

FAILURES = 5
"""So many pictures in a row without an answer: the rest is not asked."""


@dataclass(frozen=True, slots=True)
class Task:
    """A picture as it is rendered now, and the prompt that goes with it."""

    picture: Picture
    decisions: Decisions
    prompt: str

    @property
    def key(self) -> tuple[str, str]:
        """Content, and render with prompt: under this its text is remembered."""
        digest = hashlib.blake2b(self.prompt.encode(), digest_size=8).hexdigest()
        return self.picture.sha, f"{self.decisions.render_key}.{digest}"

    def pixels(self, max_pixels: int) -> int:
        """About how many pixels the captioner gets: this is what its work grows with."""
        crop = self.decisions.crop
        size = (crop.width, crop.height) if crop else (self.picture.width, self.picture.height)
        return min(size[0] * size[1], max_pixels)


@dataclass(slots=True)
class Describing:
    """How a run went."""

    device: str = ""
    """Where it ran; empty when nothing had to run."""
    remarks: list[str] = field(default_factory=list)
    per_second: float = 0.0
    issues: list[Issue] = field(default_factory=list)


Pair = tuple[Task, Answer]


@dataclass(frozen=True, slots=True)
class Looker:
    """Makes of a task what a captioner is asked. Its method may be called from any thread."""

    originals: Originals
    max_pixels: int
    seed: int

    def ask(self, task: Task) -> Ask | str:
        """The render, no larger than it need be, or why there is none."""
        try:
            image = self.originals.render(task.picture, task.decisions)
        except BadImage as error:
            return error.message
        seed = seed_of(self.seed, task.picture.sha, task.decisions.render_key)
        return Ask(shrunk(flatten(image), self.max_pixels), task.prompt, seed)


def in_order(todo: Sequence[Task], max_pixels: int) -> list[Task]:
    """Like beside like, the largest first: what memory does not take shows at once."""
    return sorted(todo, key=lambda t: (-t.pixels(max_pixels), -len(t.prompt), t.picture.name))


def batched(
    looker: Looker,
    todo: Sequence[Task],
    write: Callable[[Sequence[Ask]], list[Answer]],
    stop: Callable[[], object],
    size: int,
) -> Generator[list[Pair] | None, None, None]:
    """Pairs by the batch; threads decode ahead of the captioner. None after a silent moment."""
    with closing(ordered(todo, looker.ask, threads(), size + threads())) as feed:

        def run(batch: list[tuple[Task, Ask]]) -> list[Pair]:
            answers = write([ask for _, ask in batch])
            return list(zip((task for task, _ in batch), answers, strict=True))

        unreadable: list[Pair] = []
        batches = _batches(feed, size, unreadable)
        with closing(in_flight(batches, run, 1, stop)) as landed:
            for one in landed:
                yield None if one is None else one[1]
        yield unreadable


def _batches(
    feed: Iterable[tuple[Task, Ask | str]], size: int, unreadable: list[Pair]
) -> Generator[list[tuple[Task, Ask]], None, None]:
    batch: list[tuple[Task, Ask]] = []
    for task, ask in feed:
        if isinstance(ask, str):
            unreadable.append((task, Answer("", problem=ask)))
        else:
            batch.append((task, ask))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def one_by_one(
    looker: Looker,
    todo: Sequence[Task],
    write: Callable[[Ask], Answer],
    stop: Callable[[], object],
    at_once: int,
) -> Generator[list[Pair] | None, None, None]:
    """Pairs as they come, several asked at once; after some failures in a row no more are."""

    def run(task: Task) -> tuple[Answer, bool]:
        ask = looker.ask(task)
        return (Answer("", problem=ask), False) if isinstance(ask, str) else (write(ask), True)

    failed = 0
    with closing(in_flight(todo, run, at_once, stop)) as landed:
        for one in landed:
            if one is None:
                yield None
                continue
            task, (answer, was_asked) = one
            if was_asked:
                failed = failed + 1 if answer.problem else 0
            yield [(task, answer)]
            if failed == FAILURES:
                return


def describe(
    store: Store,
    key: str,
    pairs: Generator[list[Pair] | None, None, None],
    total: int,
    describing: Describing,
) -> Job[None]:
    """Remember answers as they come: whatever a progress counts is in the store."""
    done, began = 0, time.monotonic()
    note = "; ".join(describing.remarks)
    with closing(pairs):
        for batch in pairs:
            if batch:
                _remember(store, key, batch, describing.issues)
                done += len(batch)
                describing.per_second = done / max(time.monotonic() - began, 1e-9)
            speed = {"img_per_s": round(describing.per_second, 2)}
            yield Progress(done, total, note, speed)
    if done < total:
        reason = f"{FAILURES} pictures in a row failed, so {total - done} were not asked"
        describing.issues.append(Issue("", "stopped", f"{reason}; run it again to go on"))


def _remember(store: Store, key: str, batch: Sequence[Pair], issues: list[Issue]) -> None:
    """Texts to the store, at once; what went wrong is not remembered and is tried again."""
    good = [(*task.key, remembered(answer)) for task, answer in batch if not answer.problem]
    store.put_texts(key, good)
    issues += [
        Issue(task.picture.name, "no caption", answer.problem)
        for task, answer in batch
        if answer.problem
    ]
