"""Learning rate schedules: (step, total) → factor of the learning rate, both after warm-up."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int], float]


def constant(step: int, total: int) -> float:
    """1 throughout."""
    return 1.0


def cosine(step: int, total: int) -> float:
    """Half a cosine from 1 towards 0 (SGDR, arXiv 1608.03983)."""
    return 0.5 * (1 + math.cos(math.pi * step / max(total, 1)))


SCHEDULES: dict[str, Schedule] = {"constant": constant, "cosine": cosine}


def factor(name: str, step: int, total: int, warmup: int = 0) -> float:
    """The factor at ``step`` (from 0) of ``total``, rising linearly over ``warmup`` steps.

    The first step of the warm-up already moves: its factor is 1/(warmup + 1), not 0.
    """
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return SCHEDULES[name](step - warmup, total - warmup)
