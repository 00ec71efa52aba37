"""Long work is a generator: it yields ``Progress`` and returns its report.

Whoever drives a job shows the progress and may close it at any yield; a job cleans up in
``finally``. A child process speaks the same values as JSON lines on stdout.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

from dataprep.errors import EXIT_USAGE, DataprepError, UsageError

R = TypeVar("R")

POLL_SECONDS = 0.1
GRACE_SECONDS = 20.0
"""How long a stopped child may take to save what it has before it is killed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is: ``done`` of ``total`` (None: not known), a note, and measured facts."""

    done: int
    total: int | None = None
    note: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    stage: str = ""
    """Which stage of a longer recipe speaks; empty for a stage that runs alone."""

    def to_json(self) -> dict[str, Any]:
        """The JSON-lines form; ``from_json`` reads it back."""
        return {
            "event": "progress",
            "done": self.done,
            "total": self.total,
            "note": self.note,
            "facts": dict(self.facts),
            "stage": self.stage,
        }

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Progress:
        """Read one progress line of a child process."""
        return Progress(
            done=int(line["done"]),
            total=None if line.get("total") is None else int(line["total"]),
            note=str(line.get("note", "")),
            facts=dict(line.get("facts", {})),
            stage=str(line.get("stage", "")),
        )


Job = Generator[Progress, None, R]


def finish(job: Job[R], show: Callable[[Progress], None] | None = None) -> R:
    """Drive a job to its end and return its report; ``show`` sees every progress."""
    try:
        while True:
            progress = next(job)
            if show is not None:
                show(progress)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    finally:
        job.close()


def emit(event: Mapping[str, Any], out: IO[str] | None = None) -> None:
    """Write one JSON line of the child protocol, whole and at once."""
    stream = out or sys.stdout
    stream.write(json.dumps(event, ensure_ascii=False) + "\n")
    stream.flush()


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of a package of ours in a process of its own.

    ``-P`` keeps the working directory off ``sys.path``: without it a ``train.py`` in the
    user's folder would be run instead of ours.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def child(
    command: Sequence[str], *, log: IO[str] | None = None, grace: float = GRACE_SECONDS
) -> Job[dict[str, Any]]:
    """Run a child that speaks JSON lines; yield its progress and return its result.

    The child is polled, so one that is silent can be stopped as well. Closing the job sends
    Ctrl-C first (the child may save what it has), and kills after ``grace`` seconds.
    ``log`` takes the child's stderr; by default it passes through ``sys.stderr``, where a
    progress bar can make room for it.
    Raises ``DataprepError`` with the child's own words when it fails; a child that gave a result
    has said in it what went wrong, whatever its exit code.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
        **_own_group(),
    )
    lines = _Lines(process, log)
    result: dict[str, Any] = {}
    last = Progress(0)
    try:
        while (line := lines.next()) is not None:
            event = _parse(line) if line else {"event": "silence"}
            match event.get("event"):
                case "progress":
                    last = Progress.from_json(event)
                    yield last
                case "silence":
                    yield last
                case "result":
                    result = {key: value for key, value in event.items() if key != "event"}
                case "error":
                    kind = UsageError if event.get("exit_code") == EXIT_USAGE else DataprepError
                    raise kind(str(event["message"]), str(event.get("hint", "")))
                case str():
                    pass  # said to whoever reads the run's record
                case _:
                    # a stray print of some library is not an error
                    lines.note(line)
        code = process.wait()
        if code != 0 and not result:
            raise DataprepError(
                f"{' '.join(command[2:5])} ended with exit code {code}",
                "its last words are above, on stderr",
            )
        return result
    finally:
        _stop(process, grace)
        lines.finish()


def _own_group() -> dict[str, Any]:
    """Keep the terminal's Ctrl-C from reaching the child twice: the driver passes it on."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


class _Lines:
    """A child's two streams: stdout by the line, with a timeout; stderr passed on as it comes."""

    def __init__(self, process: subprocess.Popen[str], log: IO[str] | None) -> None:
        self._log = log
        self._queue: queue.Queue[tuple[bool, str | None]] = queue.Queue()
        self._threads = [
            threading.Thread(target=self._pump, args=(is_log, stream), daemon=True)
            for is_log, stream in ((False, process.stdout), (True, process.stderr))
        ]
        for thread in self._threads:
            thread.start()

    def next(self) -> str | None:
        """The next line of stdout, an empty string after a silent poll, None at the end."""
        deadline = time.monotonic() + POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            try:
                is_log, line = self._queue.get(timeout=left)
            except queue.Empty:
                break
            if not is_log:
                return line
            self.note(line)
        return ""

    def note(self, line: str | None) -> None:
        """Pass a line on to the log."""
        if line:
            (self._log or sys.stderr).write(line)

    def finish(self) -> None:
        """Pass on what the child said last. A grandchild may hold the streams open: no waiting."""
        for thread in self._threads:
            thread.join(timeout=1)
        while not self._queue.empty():
            is_log, line = self._queue.get()
            if is_log:
                self.note(line)

    def _pump(self, is_log: bool, stream: IO[str] | None) -> None:
        if stream is not None:
            with stream:
                for line in stream:
                    self._queue.put((is_log, line))
        self._queue.put((is_log, None))


def _parse(line: str) -> Mapping[str, Any]:
    """One event; empty for what is none."""
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _stop(process: subprocess.Popen[str], grace: float) -> None:
    if process.poll() is not None:
        return
    process.send_signal(_ctrl_c())
    try:
        process.wait(timeout=grace)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        # too slow, or the person pressed Ctrl-C again
        process.kill()
        process.wait()


def _ctrl_c() -> int:
    if sys.platform == "win32":
        return signal.CTRL_BREAK_EVENT
    return signal.SIGINT
