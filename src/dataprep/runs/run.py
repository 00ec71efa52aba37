"""A training run: found again by whoever comes along, read as it grows, and asked for things."""

from __future__ import annotations

import time
from pathlib import Path

from dataprep.errors import EXIT_USAGE, DataprepError, UsageError
from dataprep.jobs import Job, Progress
from dataprep.layout import TRAIN_FILE
from dataprep.report import Report
from dataprep.runs import folder as place
from dataprep.runs.folder import Record, Wish
from dataprep.runs.reading import Events, Reading, State
from dataprep.runs.report import report_of
from dataprep.settings import RECIPE

POLL_SECONDS = 0.2
TAIL_BYTES = 65536
"""The last lines of a log are looked for in so much of its end."""
OTHER_ENDINGS = (".json", ".toml", ".sh", ".ps1", ".bat", ".txt")
"""Of files in which other programs keep the settings of a training."""
BASE_MARKS = (b"pretrained_model", b"base_model")


def train_file(target: Path) -> Path:
    """The train.toml of an exported folder, or the TOML file itself."""
    path = target / TRAIN_FILE if target.is_dir() else target
    if not path.is_file():
        raise UsageError(f"{path}: no such file", _instead(target))
    return path


def _instead(target: Path) -> str:
    """What to do without a train.toml; in a folder with another program's file, to name that."""
    others = [path for path in _texts(target) if _is_of_training(path)]
    if others:
        names = " or ".join(f"`dataprep train {path}`" for path in others[:3])
        return f"{names} trains with what another program's file says"
    return "`dataprep export DIR OUT --concept NAME` writes one"


def _texts(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in OTHER_ENDINGS)


def _is_of_training(path: Path) -> bool:
    """Whether a file names a base model; that every program's does, and no caption."""
    try:
        with path.open("rb") as stream:
            start = stream.read(TAIL_BYTES)
    except OSError:
        return False
    return path.name != RECIPE and any(mark in start for mark in BASE_MARKS)


class Run:
    """The last training run of a folder, going on or ended. One thread at a time may use it."""

    def __init__(self, folder: Path, record: Record) -> None:
        self.folder = folder
        self.record = record
        self._events = Events()
        self._offset = 0
        self._gone = False

    @property
    def id(self) -> str:
        """Names the run: no two runs of a folder have the same."""
        return self.record.id

    @property
    def started_at(self) -> float:
        """Seconds since 1970."""
        return self.record.started_at

    @property
    def pid(self) -> int:
        """Its process."""
        return self.record.pid

    @property
    def command(self) -> tuple[str, ...]:
        """The trainer's command line."""
        return self.record.command

    @property
    def out(self) -> Path:
        """The training folder."""
        return self.folder.parent.parent

    @property
    def state(self) -> State:
        """How the run stands now."""
        return self.read().state

    def read(self) -> Reading:
        """All that is known now; only what was written since the last call is read."""
        fresh = self._take()
        if not self._over and not self._gone and not self._lives():
            # its last words may have come between the two looks
            fresh += self._take()
            self._gone = True
        events = self._events
        state = self._state()
        return Reading(
            state=state,
            events=tuple(fresh),
            progress=events.progress,
            training=events.training,
            history=events.history(),
            samples=tuple(events.samples),
            saved=tuple(events.saved),
            result=events.result,
            error=self._error(state),
            ended_at=None if state in ("running", "paused") else self._last_word(),
        )

    def log_tail(self, lines: int) -> list[str]:
        """The last lines of what the trainer and its libraries printed."""
        try:
            with (self.folder / place.LOG).open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - TAIL_BYTES))
                text = stream.read().decode("utf-8", "replace")
        except OSError:
            return []
        # a bar draws over itself: what stands behind the last return is what one would see
        rows = [row.rstrip("\r").rpartition("\r")[2] for row in text.split("\n")]
        return [row for row in rows if row.strip()][-lines:] if lines > 0 else []

    def wish(self, wish: Wish) -> None:
        """Ask the trainer for something; it answers with an event when it has heard.

        Raises ``DataprepError`` when the run has ended.
        """
        if not self.read().alive:
            raise DataprepError(
                f"{self.out}: no training run is under way here",
                f"`dataprep train {self.out}` starts one",
            )
        place.make_wish(self.folder, wish)

    @property
    def _over(self) -> bool:
        return self._events.result is not None or self._events.error is not None

    def _lives(self) -> bool:
        """Whether a process holds the lock for this run, and not for one that came after it."""
        record = place.read_record(self.folder)
        return record is not None and record.id == self.id and place.is_held(self.folder)

    def _take(self) -> list[dict[str, object]]:
        """Read on in the events, if they are still those of this run."""
        try:
            with (self.folder / place.EVENTS).open("rb") as stream:
                stream.seek(self._offset)
                data = stream.read()
                stream.seek(0)
                first = stream.readline()
        except OSError:
            return []
        # checked behind the reading: a new run may have begun in the middle of it
        if f'"{self.id}"'.encode() not in first:
            return []
        self._offset += len(data)
        return [dict(event) for event in self._events.feed(data)]

    def _state(self) -> State:
        events = self._events
        if events.error is not None:
            return "failed"
        if events.result is not None:
            return "stopped" if events.result.get("stopped") else "finished"
        if self._gone:
            return "lost"
        paused = events.progress is not None and bool(events.progress.facts.get("paused"))
        return "paused" if paused else "running"

    def _error(self, state: State) -> str:
        return str(self.failure()) if state in ("failed", "lost") else ""

    def failure(self) -> DataprepError:
        """The error that ended the run, or what is known of a lost one."""
        if (event := self._events.error) is not None:
            kind = UsageError if event.get("exit_code") == EXIT_USAGE else DataprepError
            return kind(str(event.get("message", "")), str(event.get("hint", "")))
        step = self._events.training.done if self._events.training else 0
        saved = self._events.saved
        left = f"last saved: {saved[-1].path}" if saved else "nothing was saved yet"
        return DataprepError(
            f"the training run was killed (last heard of at step {step})",
            f"{left}; what it printed is in {self.folder / place.LOG}",
        )

    def _last_word(self) -> float | None:
        try:
            return (self.folder / place.EVENTS).stat().st_mtime
        except OSError:
            return None


def find(out: Path) -> Run | None:
    """The last run of a training folder (or of a train.toml), whatever became of it."""
    folder = place.run_folder(out / TRAIN_FILE if out.is_dir() else out)
    record = place.read_record(folder)
    return Run(folder, record) if record is not None else None


def follow(run: Run) -> Job[Report]:
    """Follow a run to its end; its report is that of ``dataprep train``.

    Closing the job leaves the run alone. Raises ``DataprepError`` when it failed or was killed.
    """
    while (reading := run.read()).alive:
        yield reading.progress or Progress(0)
        time.sleep(POLL_SECONDS)
    if reading.result is None:
        raise run.failure()
    return report_of(reading.result, run.out)
