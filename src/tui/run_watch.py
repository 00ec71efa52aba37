"""Keeps an eye on the training run of the open project, in a thread of its own.

A run is no job: it goes on when the screens close, and is found again when they open.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from dataprep.errors import DataprepError
from tui.faults import note_fault

if TYPE_CHECKING:
    from dataprep.runs import Reading, Run, Wish

OFTEN, SELDOM = 0.5, 2.0
"""Seconds between two looks: at a run that goes on, and for a new one."""
LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """A run as it was at one moment."""

    id: str
    out: Path
    started_at: float
    """Seconds since 1970."""
    overrides: tuple[str, ...]
    reading: Reading
    log: tuple[str, ...]
    """The last lines of what the trainer printed."""

    @property
    def alive(self) -> bool:
        """Whether it goes on, be it paused."""
        return self.reading.alive

    @property
    def seconds(self) -> float:
        """How long it has gone on, or went on."""
        return max(0.0, (self.reading.ended_at or time.time()) - self.started_at)


class RunSeen(Message):
    """The run has moved on, or another one was found."""

    def __init__(self, seen: Seen, *, ended: bool) -> None:
        super().__init__()
        self.seen = seen
        self.ended = ended
        """Whether it has ended just now, before our eyes."""

    def can_replace(self, message: Message) -> bool:
        """Only the newest is worth drawing, unless the older one tells of the end."""
        return isinstance(message, RunSeen) and not message.ended


class WishFailed(Message):
    """A wish could not be passed on to the trainer."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class RunWatch:
    """Looks for the last run of the project at ``root``, and tells ``listener`` about it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listener: MessagePump | None = None
        self._thread = threading.Thread(target=self._work, name="run watch", daemon=True)
        self._wake = threading.Event()
        self._closed = False
        self._wishes: list[Wish] = []
        self._run: Run | None = None
        self.seen: Seen | None = None
        """The last look; None while no run was found."""

    @property
    def alive(self) -> bool:
        """Whether a run goes on."""
        return self.seen is not None and self.seen.alive

    def listen(self, listener: MessagePump) -> None:
        """Tell this screen, and begin to look."""
        self._listener = listener
        if not self._thread.is_alive():
            self._thread.start()

    def look(self) -> None:
        """Look now."""
        self._wake.set()

    def wish(self, wish: Wish) -> None:
        """Ask the trainer for something."""
        self._wishes.append(wish)
        self._wake.set()

    def close(self, timeout: float) -> None:
        """Look no more; the run goes on."""
        self._closed = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _work(self) -> None:
        while not self._closed:
            try:
                self._pass_wishes_on()
                self._look()
            except (DataprepError, OSError) as error:
                self._post(WishFailed(str(error)))
            except Exception:  # the edge: a fault in a look must not end the thread
                note_fault()
            self._wake.wait(OFTEN if self.alive else SELDOM)
            self._wake.clear()

    def _pass_wishes_on(self) -> None:
        while self._wishes:
            wish = self._wishes.pop(0)
            if self._run is not None:
                self._run.wish(wish)

    def _look(self) -> None:
        from dataprep import runs
        from dataprep.recipes import training_folder

        try:
            found = runs.find(training_folder(self._root))
        except DataprepError:
            return  # a slip in the recipe, which is told where it matters
        if found is None:
            return
        if self._run is None or self._run.id != found.id:
            self._run = found
        elif not self.alive:
            return
        self._tell(self._run)

    def _tell(self, run: Run) -> None:
        before = self.seen
        reading = run.read()
        log = tuple(run.log_tail(LOG_LINES))
        known = before is not None and before.id == run.id
        self.seen = Seen(run.id, run.out, run.started_at, run.record.overrides, reading, log)
        ended = known and before is not None and before.alive and not reading.alive
        self._post(RunSeen(self.seen, ended=ended))

    def _post(self, message: Message) -> None:
        if self._listener is not None:
            with suppress(RuntimeError):  # the app has gone and closed its loop
                self._listener.post_message(message)
