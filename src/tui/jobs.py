"""Jobs in a thread: one at a time, shown by messages, stopped at the next yield.

The thread is a daemon and no worker of Textual's: leaving the app must not wait for a model
that is in the middle of one picture.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.message_pump import MessagePump

from dataprep.errors import DataprepError
from dataprep.jobs import Job, Progress, finish
from dataprep.report import Report
from dataprep.stages import STAGES
from tui.faults import note_fault

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

Make = Callable[["Dataset"], Job[Report]]
"""Starts a job on a dataset that was opened for it, in the job's own thread."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a job is; None while that cannot be said."""

    rate: float | None = None
    """Items per second."""
    left: float | None = None
    """Seconds to the end."""


class JobProgress(Message):
    """A job yielded."""

    def __init__(self, verb: str, progress: Progress, pace: Pace) -> None:
        super().__init__()
        self.verb = verb
        self.progress = progress
        self.pace = pace

    def can_replace(self, message: Message) -> bool:
        """Only the newest progress is worth drawing."""
        return isinstance(message, JobProgress)


class JobEnded(Message):
    """The job is over, one way or another; a next one may start."""

    def __init__(self, verb: str) -> None:
        super().__init__()
        self.verb = verb


class JobDone(JobEnded):
    """A job returned its report."""

    def __init__(self, verb: str, report: Report) -> None:
        super().__init__(verb)
        self.report = report


class JobFailed(JobEnded):
    """A job could not go on."""

    def __init__(self, verb: str, message: str, hint: str = "") -> None:
        super().__init__(verb)
        self.message = message
        self.hint = hint


class JobStopped(JobEnded):
    """A job was cancelled and has cleaned up."""


class _Stop(Exception):
    """Raised between two yields once cancelling was asked for."""


class Jobs:
    """Runs one job at a time on the project at ``root`` and tells ``listener`` about it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listener: MessagePump | None = None
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self.running = ""
        """The verb of the running job; empty when there is none."""

    def listen(self, listener: MessagePump) -> None:
        """Send the messages of all jobs to this screen."""
        self._listener = listener

    @property
    def stopping(self) -> bool:
        """Whether the running job was asked to stop and has not yet."""
        return bool(self.running) and self._cancel.is_set()

    def start(self, verb: str, make: Make, *, dry_run: bool = False) -> bool:
        """Start a job; False when another one is running."""
        if self.running:
            return False
        self._cancel.clear()
        self.running = verb
        self._thread = threading.Thread(
            target=self._work, args=(verb, make, dry_run), name=f"job {verb}", daemon=True
        )
        self._thread.start()
        return True

    def cancel(self) -> None:
        """Close the running job at its next yield."""
        self._cancel.set()

    def join(self, timeout: float) -> bool:
        """Wait for the running job to end, at most ``timeout`` seconds; whether it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _work(self, verb: str, make: Make, dry_run: bool) -> None:
        ended: JobEnded
        try:
            ended = JobDone(verb, self._drive(verb, make, dry_run))
        except _Stop:
            ended = JobStopped(verb)
        except DataprepError as error:
            ended = JobFailed(verb, error.message, error.hint)
        except Exception as error:  # the edge: a fault in a stage must not take the screen down
            note_fault()
            hint = "a fault in dataprep; its trace is in tui.log, beside dataprep's models"
            ended = JobFailed(verb, f"{type(error).__name__}: {error}", hint)
        self.running = ""
        self._post(ended)

    def _drive(self, verb: str, make: Make, dry_run: bool) -> Report:
        clock = Clock()

        def show(progress: Progress) -> None:
            if self._cancel.is_set():
                raise _Stop
            self._post(JobProgress(verb, progress, clock.pace(progress)))

        from dataprep.dataset import Dataset

        # a connection to SQLite belongs to the thread that opened it
        with Dataset.open(self._root, dry_run=dry_run) as dataset:
            return finish(make(dataset), show)

    def _post(self, message: Message) -> None:
        if self._listener is not None:
            with suppress(RuntimeError):  # the app has gone and closed its loop
                self._listener.post_message(message)


class Clock:
    """Measures a job's pace, anew for every phase of it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._phase: tuple[str, int | None] | None = None
        self._start = (0.0, 0)

    def pace(self, progress: Progress) -> Pace:
        """The pace since this phase began to count."""
        now, phase = self._now(), (progress.stage, progress.total)
        if phase != self._phase or progress.done < self._start[1]:
            self._phase, self._start = phase, (now, progress.done)
        seconds, items = now - self._start[0], progress.done - self._start[1]
        if items <= 0 or seconds <= 0:
            return Pace()
        rate = items / seconds
        left = None if progress.total is None else max(0, progress.total - progress.done) / rate
        return Pace(rate, left)


TRAINED = ("train", "score", "pick", "watch")
"""Stages of the training folder; the export wrote the recipe's [train] into its train.toml."""


def stage_job(
    verb: str, root: Path, values: Mapping[str, Any] | None = None, *, dry_run: bool = False
) -> Make:
    """A stage with its settings out of the recipe and ``values``; loaded in the job's thread.

    ``dry_run`` is for the stages that open no project; others hear of it by their dataset.
    """

    def make(dataset: Dataset) -> Job[Report]:
        # here, for pydantic alone takes as long to load as the first frame takes to draw
        from dataprep.recipes import training_folder
        from dataprep.settings import for_stage

        stage = STAGES[verb]
        model, run = stage.load()
        # a slip in the recipe must not keep a stage from running that takes nothing from it; what
        # is for the scan came with the dataset
        takes = verb not in ("scan", "train", "undo", "redo") and bool(model.model_fields)
        settings = for_stage(model, verb, root if takes else None, values or {})
        if stage.opens:
            return run(dataset, settings)
        target = training_folder(root) if verb in TRAINED else root
        return run(target, settings, dry_run=dry_run) if stage.writes else run(target, settings)  # type: ignore[call-arg, arg-type]

    return make
