"""Learning rate schedules: (config, how far a run is) → factor of the learning rate.

Shapes are those of transformers' ``get_scheduler`` as sd-scripts calls it; factors are 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from train.config import TrainConfig


@dataclass(frozen=True, slots=True)
class Way:
    """How far a run is, in steps."""

    done: int
    """Since the warm-up."""
    warmup: int
    total: int

    @property
    def length(self) -> int:
        """Steps behind the warm-up."""
        return self.total - self.warmup


Schedule = Callable[[TrainConfig, Way], float]
TIMESCALE = 10_000
"""inverse_sqrt without a warm-up and without a timescale: as in transformers."""


def factor(config: TrainConfig, step: int, total: int) -> float:
    """The factor of the learning rate at ``step`` (from 0) of ``total``.

    It rises linearly over the warm-up, whose first step already moves: 1/(warm-up + 1). With
    ``compat = "kohya"`` the first step is 0, as in sd-scripts, and ``constant`` has no warm-up.
    """
    warmup = count(config.lr_warmup_steps, total)
    if config.is_kohya and config.lr_scheduler == "constant":
        warmup = 0
    if step < warmup:
        return _rising(config, step, warmup)
    value = SCHEDULES[config.lr_scheduler](config, Way(step - warmup, warmup, total))
    return min(max(value, 0.0), 1.0)


def _rising(config: TrainConfig, step: int, warmup: int) -> float:
    if not config.is_kohya:
        return (step + 1) / (warmup + 1)
    share = step / warmup
    return _above(config, share) if config.lr_scheduler == "warmup_stable_decay" else share


def count(steps: float, total: int) -> int:
    """A number of steps that may be given as a share of all (below 1)."""
    return int(steps * total) if steps < 1 else int(steps)


def constant(config: TrainConfig, way: Way) -> float:
    """1 throughout."""
    return 1.0


def linear(config: TrainConfig, way: Way) -> float:
    """A straight line from 1 to 0."""
    return 1 - _progress(way.done, way.length)


def cosine(config: TrainConfig, way: Way) -> float:
    """Half a cosine from 1 towards 0 (SGDR, arXiv 1608.03983)."""
    return _wave(_progress(way.done, way.length))


def cosine_with_restarts(config: TrainConfig, way: Way) -> float:
    """``lr_scheduler_num_cycles`` halves of a cosine, each from 1 towards 0 (SGDR)."""
    progress = _progress(way.done, way.length)
    return _wave(config.lr_scheduler_num_cycles * progress % 1) if progress < 1 else 0.0


def cosine_with_min_lr(config: TrainConfig, way: Way) -> float:
    """A cosine from 1 to ``lr_scheduler_min_lr_ratio``; more cycles go on up and down."""
    return _above(config, _wave(config.lr_scheduler_num_cycles * _progress(way.done, way.length)))


def polynomial(config: TrainConfig, way: Way) -> float:
    """(1 - progress)^``lr_scheduler_power``, down to ``lr_scheduler_min_lr_ratio``."""
    return _above(config, (1 - _progress(way.done, way.length)) ** config.lr_scheduler_power)


def inverse_sqrt(config: TrainConfig, way: Way) -> float:
    """1/√(1 + steps/timescale), as in google-research/big_vision; it never reaches 0."""
    timescale = config.lr_scheduler_timescale or way.warmup or TIMESCALE
    return 1 / math.sqrt(1 + way.done / timescale)


def warmup_stable_decay(config: TrainConfig, way: Way) -> float:
    """1, then over the last ``lr_decay_steps`` a cosine to ``lr_scheduler_min_lr_ratio``.

    arXiv 2404.06395; without ``lr_decay_steps`` it stays at 1.
    """
    decay = min(count(config.lr_decay_steps, way.total), way.length)
    into = way.done - (way.length - decay)
    if into < 0 or decay <= 0:
        return 1.0
    return _above(config, _wave(config.lr_scheduler_num_cycles * _progress(into, decay)))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "constant_with_warmup": constant,
    "linear": linear,
    "cosine": cosine,
    "cosine_with_restarts": cosine_with_restarts,
    "cosine_with_min_lr": cosine_with_min_lr,
    "polynomial": polynomial,
    "inverse_sqrt": inverse_sqrt,
    "warmup_stable_decay": warmup_stable_decay,
}


def _progress(done: int, length: int) -> float:
    return min(done / max(length, 1), 1.0)


def _wave(progress: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * progress))


def _above(config: TrainConfig, value: float) -> float:
    """0..1 as floor..1."""
    floor = config.lr_scheduler_min_lr_ratio
    return floor + (1 - floor) * value
