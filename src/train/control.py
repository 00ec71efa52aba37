"""What a trainer is asked for while it works: to stop, to pause, to save, to draw samples.

A signal asks it to stop; everything else comes as small files in the run's folder. Both are looked
at between two steps.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dataprep.errors import EXIT_STOPPED
from dataprep.jobs import Job, Progress
from dataprep.runs.folder import Wish, take_wishes

POLL_SECONDS = 0.1
"""How often a paused trainer looks for wishes."""
SIGN_SECONDS = 5.0
"""How often a paused trainer says that it is still there."""

Say = Callable[[dict[str, Any]], None]
"""Takes one event of the child protocol."""


def silence(event: dict[str, Any]) -> None:
    """Say nothing: for a run that nobody follows."""


class Stop:
    """The wish to stop: a first signal sets it, a second one ends the process at once."""

    def __init__(self) -> None:
        self.wished = False

    def __call__(self) -> bool:
        """Whether to stop."""
        return self.wished

    def on_signal(self, number: int, frame: Any) -> None:
        """Signal handler."""
        if self.wished:
            # files appear under their names only when whole, so nothing is left half written
            os._exit(EXIT_STOPPED)
        self.wished = True

    def listen(self, *, detached: bool = False) -> None:
        """Take Ctrl-C, the polite kill and (Windows) Ctrl-Break; detached, outlive the terminal."""
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self.on_signal)
        if detached and hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, signal.SIG_IGN)


@dataclass(slots=True)
class Control:
    """Stands between the wishes and the loop. Without a folder only ``stop`` is asked."""

    folder: Path | None = None
    """The run's folder, in which wishes are left."""
    stop: Callable[[], bool] = lambda: False
    say: Say = silence
    paused: bool = False
    save: bool = False
    """Whether a file of the LoRA as it is now was asked for."""
    sample: bool = False
    """Whether samples were asked for."""
    _stopped: bool = False

    def look(self) -> None:
        """Take in what was wished since the last look."""
        for wish in take_wishes(self.folder) if self.folder is not None else ():
            self._take(wish)

    def stopping(self) -> bool:
        """Whether to stop, by a signal or by a wish."""
        self.look()
        return self._stopped or self.stop()

    def _take(self, wish: Wish) -> None:
        match wish:
            case "pause":
                self.paused = True
            case "continue":
                self.paused = False
            case "save":
                self.save = True
            case "sample":
                self.sample = True
            case "stop":
                self._stopped = True
        self.say({"event": "heard", "wish": wish})


@dataclass(slots=True)
class Hands:
    """What a loop can do between two steps."""

    save: Callable[[], None]
    """Write the LoRA as it is now."""
    draw: Callable[[Progress], Iterator[Progress]]
    """Draw the samples with the LoRA as it is now."""


def attend(control: Control, hands: Hands, now: Progress) -> Job[float]:
    """Grant what was wished, between two steps; how long that took (seconds).

    ``now`` is the progress of the last step; while paused it is said again, marked as paused.
    """
    begun = time.perf_counter()
    said_at = float("-inf")
    was_paused = False
    while not control.stopping():
        if control.save:
            control.save = False
            hands.save()
        if control.sample:
            control.sample = False
            yield from hands.draw(_marked(now, control.paused))
            said_at = float("-inf")
        if not control.paused:
            break
        if time.perf_counter() - said_at >= SIGN_SECONDS:
            yield _marked(now, True)
            said_at = time.perf_counter()
        was_paused = True
        # a signal cuts the sleep short
        with suppress(InterruptedError):
            time.sleep(POLL_SECONDS)
    if was_paused:
        yield _marked(now, False)
    return time.perf_counter() - begun


def _marked(progress: Progress, paused: bool) -> Progress:
    if not paused:
        return progress
    return replace(progress, note="paused", facts={**progress.facts, "paused": True})
