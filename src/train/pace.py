"""How fast the loop is: over the last steps, and without what was done between them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WINDOW = 20
"""Steps over which the speed is averaged."""


class Pace:
    """Counts steps and pictures against the clock."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._stamps: deque[tuple[float, int]] = deque([(now(), 0)], maxlen=WINDOW + 1)

    def tick(self, images: int) -> None:
        """A step with so many pictures was made."""
        self._stamps.append((self._now(), self._stamps[-1][1] + images))

    def skip(self, seconds: float) -> None:
        """So long nothing was learned: a pause, samples, a file."""
        self._stamps = deque(
            ((stamp + seconds, images) for stamp, images in self._stamps), maxlen=WINDOW + 1
        )

    @property
    def it_per_s(self) -> float:
        """Steps per second."""
        return (len(self._stamps) - 1) / self._seconds()

    @property
    def images_per_s(self) -> float:
        """Pictures per second."""
        return (self._stamps[-1][1] - self._stamps[0][1]) / self._seconds()

    def left(self, steps: int) -> float | None:
        """Seconds that so many more steps take; None before the first one."""
        return steps / self.it_per_s if len(self._stamps) > 1 else None

    def _seconds(self) -> float:
        # two looks at a coarse clock may see the same time
        return max(self._stamps[-1][0] - self._stamps[0][0], 1e-9)
