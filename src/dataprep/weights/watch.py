"""How far a download is, seen from the job that drives it; and how that job stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from dataprep.errors import DataprepError
from dataprep.jobs import POLL_SECONDS, Job, Progress

T = TypeVar("T")

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait after each loss in a row; one more loss is the last."""
MEGABYTE = 1e6


class Stopped(Exception):
    """Nobody wants the download any more. What has arrived is kept."""


class Watch:
    """Shared by the thread that downloads and the job that reports it. Counts bytes."""

    def __init__(self) -> None:
        self.note = ""
        self.total: int | None = None
        self._finished = 0
        self._here = 0
        self._fetched = 0
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._hang_up: Callable[[], object] | None = None

    def at(self, here: int) -> None:
        """So many bytes of the present file are on the disk, from whichever time."""
        self._here = here

    def add(self, fetched: int) -> None:
        """So many bytes more have arrived."""
        self._here += fetched
        self._fetched += fetched

    def finished(self, size: int) -> None:
        """A file is complete."""
        self._finished += size
        self._here = 0

    def progress(self) -> Progress:
        """As it stands now; ``done`` and ``total`` are bytes."""
        elapsed = time.monotonic() - self._began
        facts = {"MB_per_s": self._fetched / MEGABYTE / elapsed} if self._fetched else {}
        return Progress(self._finished + self._here, self.total, self.note, facts)

    def check(self) -> None:
        """Raise ``Stopped`` when nobody wants it any more."""
        if self._stop.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Wait, unless nobody wants it any more."""
        self._stop.wait(seconds)
        self.check()

    def stop(self) -> None:
        """Stop soon: the connection is cut, so that nobody waits for a silent server."""
        self._stop.set()
        if (hang_up := self._hang_up) is not None:
            hang_up()

    @contextmanager
    def listening(self, hang_up: Callable[[], object]) -> Generator[None, None, None]:
        """While it lasts, stopping calls ``hang_up``."""
        self._hang_up = hang_up
        try:
            self.check()
            yield
        finally:
            self._hang_up = None


class Patience:
    """Bears a few losses in a row, each a little longer; news from the server restores it."""

    def __init__(self, watch: Watch, what: str, hint: str) -> None:
        self._watch, self._what, self._hint = watch, what, hint
        self._left = list(PAUSES)

    def refill(self) -> None:
        """Something has arrived."""
        self._left = list(PAUSES)

    def lose(self, reason: str, at_least: float = 0.0) -> None:
        """Wait before the next attempt. Raises ``DataprepError`` when there is none."""
        self._watch.check()
        if not self._left:
            raise DataprepError(f"{self._what} cannot be fetched: {reason}", self._hint)
        self._watch.note = f"{reason}; trying again"
        self._watch.pause(max(self._left.pop(0), at_least))


def watched(work: Callable[[Watch], T]) -> Job[T]:
    """Run ``work`` in a thread and say how far it is; closing the job stops it."""
    watch = Watch()
    pool = ThreadPoolExecutor(1, "download")
    try:
        future = pool.submit(work, watch)
        while not wait([future], POLL_SECONDS).done:
            yield watch.progress()
        result = future.result()
        yield watch.progress()
        return result
    finally:
        watch.stop()
        pool.shutdown()
