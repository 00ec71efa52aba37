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
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, TypeVar

from dataprep.errors import DataprepError

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
    ``log`` takes the child's stderr (default: ours).
    Raises ``DataprepError`` with the child's own words when it fails; a child that gave a result
    has said in it what went wrong, whatever its exit code.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
        **_own_group(),
    )
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_pump, args=(process.stdout, lines), daemon=True).start()
    result: dict[str, Any] = {}
    last = Progress(0)
    try:
        while (line := _next_line(lines)) is not None:
            if line == "":
                yield last
                continue
            event = _parse(line)
            match event.get("event"):
                case "progress":
                    last = Progress.from_json(event)
                    yield last
                case "result":
                    result = {key: value for key, value in event.items() if key != "event"}
                case "error":
                    raise DataprepError(str(event["message"]), str(event.get("hint", "")))
        code = process.wait()
        if code != 0 and not result:
            raise DataprepError(
                f"{' '.join(command[2:5])} ended with exit code {code}",
                "its last words are above, on stderr",
            )
        return result
    finally:
        _stop(process, grace)


def _own_group() -> dict[str, Any]:
    """Keep the terminal's Ctrl-C from reaching the child twice: the driver passes it on."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _pump(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    if stream is not None:
        for line in stream:
            lines.put(line)
    lines.put(None)


def _next_line(lines: queue.Queue[str | None]) -> str | None:
    """The next line, an empty string after a silent poll, None at the end."""
    try:
        return lines.get(timeout=POLL_SECONDS)
    except queue.Empty:
        return ""


def _parse(line: str) -> Mapping[str, Any]:
    """One event; a stray print of some library is not an error, it goes to the log."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if isinstance(event, dict):
        return event
    sys.stderr.write(line)
    return {}


def _stop(process: subprocess.Popen[str], grace: float) -> None:
    if process.poll() is None:
        process.send_signal(_ctrl_c())
        try:
            process.wait(timeout=grace)
        except (subprocess.TimeoutExpired, KeyboardInterrupt):
            # too slow, or the person pressed Ctrl-C again
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _ctrl_c() -> int:
    if sys.platform == "win32":
        return signal.CTRL_BREAK_EVENT
    return signal.SIGINT
