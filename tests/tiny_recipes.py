"""Work for a cluster that needs no model, and workers that behave badly."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import UsageError


@dataclass(frozen=True)
class Numbers:
    """A recipe of the tests."""

    mood: str = ""
    marker: Path = Path()
    sees: tuple[Path, ...] = ()

    def open(self, cores: int) -> Squarer:
        if self.mood == "refuses":
            raise UsageError("this model is none", "take another")
        return Squarer(self.mood, self.marker)


@dataclass
class Squarer:
    mood: str
    marker: Path
    device: str = "cpu"
    remark: str = ""

    def __call__(self, batch: Sequence[int]) -> list[int]:
        if self.mood == "dies" and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mood == "sleeps":
            self.marker.touch()
            signal.pause()
        if self.mood == "fails":
            raise ZeroDivisionError("of the tests")
        return [number * number for number in batch]
