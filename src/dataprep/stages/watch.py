"""``dataprep watch``: follow a training run that goes on by itself, or ask it for something."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

from pydantic import Field

from dataprep import runs
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.runs import Reading, Run, Wish
from dataprep.settings import Settings as Base

ASKED: dict[Wish, str] = {
    "pause": "will pause after this step; --continue lets it go on",
    "continue": "goes on",
    "save": "will save a file after this step",
    "sample": "will draw samples after this step",
    "stop": "will stop after this step and save what it has learned",
}


class Settings(Base):
    """What the run is asked for; without any of it the run is followed to its end."""

    pause: bool = False
    """Wait after this step until --continue."""
    continue_: bool = False
    """Go on after a pause."""
    save: bool = False
    """Write a LoRA file of what is learned so far, and go on."""
    sample: bool = False
    """Draw the sample prompts with what is learned so far, and go on."""
    stop: bool = False
    """Save what is learned so far, and end."""
    tail: int = Field(default=0, ge=0, le=1000)
    """Only say how the run stands, with so many last lines of its log."""


def run(target: Path, settings: Settings) -> Job[Report]:
    """Follow the last run of ``target``, make a wish to it, or (``tail``) only look at it."""
    wishes = [wish for wish in get_args(Wish) if _asked(settings, wish)]
    if len(wishes) > 1:
        raise UsageError(f"watch: {' and '.join(wishes)} at once", "ask for one thing at a time")
    found = runs.find(target)
    if found is None:
        # names what is missing, when there is no training folder at all
        path = runs.train_file(target)
        raise DataprepError(
            f"{path.parent}: nothing was trained here yet", f"`dataprep train {target}` does"
        )
    if wishes:
        found.wish(wishes[0])
        return Report("watch", facts=_facts(found, found.read()), lines=(_answer(wishes[0]),))
    if settings.tail:
        reading = found.read()
        lines = (*_standing(reading), *found.log_tail(settings.tail))
        return Report("watch", facts=_facts(found, reading), lines=lines)
    return (yield from _to_the_end(found))


def _asked(settings: Settings, wish: Wish) -> bool:
    return bool(settings.continue_ if wish == "continue" else getattr(settings, wish))


def _answer(wish: Wish) -> str:
    return f"the run {ASKED[wish]}"


def _to_the_end(found: Run) -> Job[Report]:
    """The run's own report, and what it drew."""
    report = yield from runs.follow(found)
    reading = found.read()
    return Report(
        "watch",
        done=report.done,
        issues=report.issues,
        facts={**report.facts, **_facts(found, reading)},
        lines=(*report.lines, *_drawn(reading)),
    )


def _standing(reading: Reading) -> list[str]:
    """How the run stands, for a person."""
    lines = [reading.state if not reading.error else f"{reading.state}: {reading.error}"]
    now = reading.training
    if now is not None:
        facts = now.facts
        lines.append(f"step {now.done} of {now.total}, loss {facts['loss_average']:.4f}")
        if reading.alive:
            lines.append(_pace(now))
    if reading.saved:
        lines.append(f"last saved: {reading.saved[-1].path}")
    return [*lines, *_drawn(reading)]


def _pace(now: Progress) -> str:
    facts = now.facts
    memory, left = facts.get("memory_mb"), facts.get("time_left_s")
    return ", ".join(
        [
            f"{facts['it_per_s']:.2f} it/s",
            *([f"{_time(left)} left"] if left is not None else []),
            *([f"{memory:,.0f} MB at most"] if memory is not None else []),
        ]
    )


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _drawn(reading: Reading) -> list[str]:
    """The newest sample of each prompt."""
    newest = {sample.prompt: sample for sample in reading.samples}
    return [f"sample of step {s.step}: {s.path} ({s.prompt})" for s in newest.values()]


def _facts(found: Run, reading: Reading) -> dict[str, Any]:
    now = reading.training
    return {
        "run": found.id,
        "pid": found.pid,
        "state": reading.state,
        "step": now.done if now else 0,
        "steps": now.total if now else None,
        "training": dict(now.facts) if now else {},
        "saved": [saved.path for saved in reading.saved],
        "samples": [
            {"step": s.step, "prompt": s.prompt, "seed": s.seed, "path": s.path}
            for s in reading.samples
        ],
        "error": reading.error,
    }
