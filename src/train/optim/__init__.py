"""Optimizers by kohya's names: made from settings, told their rates, saved and restored."""

from __future__ import annotations

from train.optim.making import check, create
from train.optim.running import freeze, has_gradients, rates, resting, set_lr
from train.optim.saving import restore, state

__all__ = [
    "check",
    "create",
    "freeze",
    "has_gradients",
    "rates",
    "resting",
    "restore",
    "set_lr",
    "state",
]
