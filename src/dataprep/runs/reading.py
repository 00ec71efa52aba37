"""What the events of a run say: read a little at a time, or all at once and thinned."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dataprep.jobs import Progress

State = Literal["running", "paused", "finished", "stopped", "failed", "lost"]
"""lost: its process is gone without a word, killed or cut off."""

POINTS = 2000
"""A history has at most so many points."""
MARK = b'{"event": "progress"'
"""How a progress line begins: of very many only some are parsed."""
COLUMNS = (
    "step",
    "loss",
    "loss_average",
    "lr",
    "lr_text_encoder",
    "it_per_s",
    "memory_mb",
)


@dataclass(frozen=True, slots=True)
class History:
    """Curves: one value for each of ``step``; of a long run evenly thinned, the newest kept."""

    step: tuple[int, ...] = ()
    loss: tuple[float, ...] = ()
    loss_average: tuple[float, ...] = ()
    """Over the last epoch's worth of steps."""
    lr: tuple[float, ...] = ()
    """Of the UNet."""
    lr_text_encoder: tuple[float, ...] = ()
    it_per_s: tuple[float, ...] = ()
    memory_mb: tuple[float, ...] = ()
    """The most that was held so far (megabytes): of the GPU, or of the process on a CPU."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A picture drawn by a LoRA in the making."""

    step: int
    prompt: str
    seed: int
    path: str


@dataclass(frozen=True, slots=True)
class Saved:
    """A LoRA file that a run wrote."""

    step: int
    epoch: int
    path: str


@dataclass(frozen=True, slots=True)
class Reading:
    """All that is known of a run at one moment."""

    state: State
    events: tuple[Mapping[str, Any], ...] = ()
    """What was said since the reading before, progress left out."""
    progress: Progress | None = None
    """The newest one."""
    training: Progress | None = None
    """The newest one of a step, with its facts: loss, lr, it_per_s, time_left_s, memory_mb, …"""
    history: History = History()
    samples: tuple[Sample, ...] = ()
    saved: tuple[Saved, ...] = ()
    result: Mapping[str, Any] | None = None
    error: str = ""
    """Why it failed, in a sentence, and what to do about it on a second line."""
    ended_at: float | None = None
    """When the last word was said (seconds since 1970); None while the run lives."""

    @property
    def alive(self) -> bool:
        """Whether the run goes on, be it paused."""
        return self.state in ("running", "paused")


class Events:
    """Takes in the lines of ``events.jsonl`` as they come; ``feed`` copes with half of one."""

    def __init__(self) -> None:
        self._half = b""
        self._rows: list[tuple[float, ...]] = []
        self._newest: tuple[float, ...] | None = None
        self._stride = 1
        self.progress: Progress | None = None
        self.training: Progress | None = None
        self.samples: list[Sample] = []
        self.saved: list[Saved] = []
        self.result: Mapping[str, Any] | None = None
        self.error: Mapping[str, Any] | None = None

    def feed(self, data: bytes) -> list[Mapping[str, Any]]:
        """Take in more of the file; the events in it, progress left out."""
        *lines, self._half = (self._half + data).split(b"\n")
        told = [line for line in lines if line.startswith(MARK)]
        self._take_progress(told)
        events = [event for line in lines if not line.startswith(MARK) and (event := _parsed(line))]
        for event in events:
            self._take(event)
        return events

    def history(self) -> History:
        """The curves so far."""
        rows = self._rows
        if self._newest is not None and (not rows or rows[-1][0] != self._newest[0]):
            rows = [*rows, self._newest]
        if not rows:
            return History()
        steps, *others = zip(*rows, strict=True)
        return History(tuple(int(step) for step in steps), *others)

    def _take_progress(self, lines: list[bytes]) -> None:
        if not lines:
            return
        # a long run that is read anew has a line for every step; the curve needs few of them
        jump = -(-len(lines) // POINTS)
        self._stride = max(self._stride, jump)
        for line in (*lines[:-1:jump], lines[-1]):
            if (event := _parsed(line)) is not None:
                self._note(Progress.from_json(event))

    def _note(self, progress: Progress) -> None:
        self.progress = progress
        if "loss" not in progress.facts:
            return
        self.training = progress
        row = (float(progress.done), *(_number(progress.facts, name) for name in COLUMNS[1:]))
        self._newest = row
        if not self._rows or row[0] - self._rows[-1][0] >= self._stride:
            self._rows.append(row)
        while len(self._rows) >= POINTS:
            self._stride *= 2
            self._rows = _thinned(self._rows, self._stride)

    def _take(self, event: Mapping[str, Any]) -> None:
        match event.get("event"):
            case "sample":
                self.samples.append(_made(Sample, event))
            case "saved":
                self.saved.append(_made(Saved, event))
            case "result":
                self.result = {key: value for key, value in event.items() if key != "event"}
            case "error":
                self.error = event


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    """One event; None for a line that was broken off."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def _number(facts: Mapping[str, Any], name: str) -> float:
    value = facts.get(name)
    return float(value) if isinstance(value, int | float) else float("nan")


def _thinned(rows: Iterable[tuple[float, ...]], stride: int) -> list[tuple[float, ...]]:
    kept: list[tuple[float, ...]] = []
    for row in rows:
        if not kept or row[0] - kept[-1][0] >= stride:
            kept.append(row)
    return kept


def _made(kind: Any, event: Mapping[str, Any]) -> Any:
    return kind(**{name: event.get(name) for name in kind.__slots__})
