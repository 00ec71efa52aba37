"""The trainer's own side of ``dataprep.runs``: its lock, its record, its log, and what it says."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from dataprep.jobs import emit
from dataprep.runs import folder as place
from dataprep.runs.folder import Record
from train.control import Stop

log = logging.getLogger("train")


class Speaker:
    """The protocol's streams: stdout, and the events of the run.

    When the reader of stdout is gone, that is a wish to stop; of a detached run nobody reads it.
    """

    def __init__(self, stream: IO[str], stop: Stop) -> None:
        self.stream = stream
        self.stop = stop
        self.events: IO[str] | None = None
        self.log: Path | None = None
        """Where what is printed can be found later."""

    def say(self, event: dict[str, Any]) -> None:
        """Write one event, unless nobody reads any more."""
        self._note(event)
        if self.stream.closed:
            return
        try:
            emit(event, self.stream)
        except OSError:
            self.stop.wished = True
            self._hush()

    def leave(self) -> None:
        """Say no more on stdout: the run goes on alone."""
        with suppress(OSError):
            self.stream.flush()
        self._hush()

    def _note(self, event: dict[str, Any]) -> None:
        if self.events is None:
            return
        try:
            emit(event, self.events)
        except OSError as error:
            # a full disk must not end a run that may yet be saved elsewhere
            log.warning("the run's events cannot be written (%s)", error.strerror)

    def _hush(self) -> None:
        if self.stream.closed:
            return
        # closing flushes what could not be written, which fails as well
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
        self.stream.close()


@contextmanager
def recorded(
    config: Path, overrides: tuple[str, ...], speaker: Speaker, *, detached: bool
) -> Iterator[Record]:
    """Hold the run's lock and keep its record while the ``with`` lasts.

    Raises ``DataprepError`` when a run goes on in this folder.
    """
    folder = place.run_folder(config)
    with place.hold(folder):
        command = (sys.executable, *sys.orig_argv[1:])
        record = replace(place.new_record(config, overrides, command), detached=detached)
        shutil.rmtree(folder / place.WISHES, ignore_errors=True)
        place.write_record(folder, record)
        speaker.log = folder / place.LOG
        _keep_log(speaker.log, detached)
        with (folder / place.EVENTS).open("w", encoding="utf-8") as speaker.events:
            speaker.say({"event": place.STARTED, "id": record.id, "pid": record.pid})
            if detached:
                speaker.leave()
            try:
                yield record
            finally:
                speaker.events = None


def _keep_log(path: Path, detached: bool) -> None:
    """Let the log be found later; of a detached run everything that is printed goes there."""
    if not detached:
        handler = logging.FileHandler(path, "w", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(message)s"))
        logging.getLogger().addHandler(handler)
        return
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
    sys.stdout.flush()
    sys.stderr.flush()
    for stream in (1, 2):
        os.dup2(handle, stream)
    os.close(handle)
