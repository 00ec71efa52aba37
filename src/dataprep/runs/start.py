"""Starting a training run that needs nobody to watch it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from dataprep.errors import EXIT_USAGE, DataprepError, UsageError
from dataprep.jobs import module_command
from dataprep.runs import folder as place
from dataprep.runs.run import Run, find, train_file

START_SECONDS = 30.0
"""So long a run may take to say that it has begun; it reads its settings first."""


def require_trainer() -> None:
    """Raise a clear sentence when the trainer's packages are not installed."""
    missing = [name for name in ("torch", "diffusers", "transformers") if find_spec(name) is None]
    if missing:
        raise DataprepError(
            f"the trainer needs {', '.join(missing)}, not installed here",
            'pip install "lora-dataprep[train]"',
        )


def start(out: Path, overrides: Sequence[str] = (), *, arguments: Sequence[str] = ()) -> Run:
    """Start training on ``out`` (a folder with train.toml, or the file) and return at once.

    The run is a process of its own that goes on when this one ends. ``overrides`` are
    ``key=value``; ``arguments`` are further ones of the trainer's command line. Raises
    ``DataprepError`` when it does not begin, with the trainer's own words.
    """
    require_trainer()
    config = train_file(out)
    if place.is_held(place.run_folder(config)):
        raise place.under_way(place.run_folder(config))
    pairs = [part for pair in overrides for part in ("--set", pair)]
    command = module_command("train", "run", str(config.resolve()), "--detach", *pairs, *arguments)
    # what it says before it has a log of its own; a pipe would break when this process ends
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
            **_alone(),
        )
        _wait_for_begin(process, said)
    run = find(config)
    if run is None:
        raise DataprepError(f"{config}: the run began but left no record", "start it again")
    return run


def _alone() -> dict[str, Any]:
    """Out of reach of this terminal's Ctrl-C and of its closing."""
    if sys.platform == "win32":
        return {
            "creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP,
            "close_fds": True,
        }
    return {"start_new_session": True}


def _wait_for_begin(process: subprocess.Popen[bytes], said: IO[bytes]) -> None:
    """Return once the child says that it has begun. Raises its error otherwise."""
    lines: queue.Queue[bytes] = queue.Queue()

    def pump(stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                lines.put(line)
        lines.put(b"")

    assert process.stdout is not None
    threading.Thread(target=pump, args=(process.stdout,), daemon=True).start()
    deadline = time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        try:
            line = lines.get(timeout=left)
        except queue.Empty:
            break
        event = _event(line)
        if event.get("event") == place.STARTED:
            _forget(process)
            return
        if event.get("event") == "error":
            process.wait()
            kind = UsageError if event.get("exit_code") == EXIT_USAGE else DataprepError
            raise kind(str(event["message"]), str(event.get("hint", "")))
        if not line:
            code = process.wait()
            raise DataprepError(f"the trainer ended with exit code {code}", _last_words(said))
    process.kill()
    process.wait()
    raise DataprepError(
        f"the trainer did not begin within {START_SECONDS:.0f} seconds", _last_words(said)
    )


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        return {}
    return event if isinstance(event, dict) else {}


def _last_words(said: IO[bytes]) -> str:
    said.seek(0)
    rows = said.read().decode("utf-8", "replace").strip().splitlines()
    return rows[-1] if rows else "it said nothing"


def _forget(process: subprocess.Popen[bytes]) -> None:
    """Take the exit code when it comes, so that no dead process is left in the table."""
    threading.Thread(target=process.wait, daemon=True).start()
