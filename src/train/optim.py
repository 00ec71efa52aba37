"""Optimizers by kohya's names: (parameter groups, weight decay) → optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

Groups = list[dict[str, Any]]


def adamw(groups: Groups, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW (arXiv 1711.05101), β 0.9 and 0.999.

    Fused: a LoRA is hundreds of small tensors, and one call each would cost more than the sums.
    """
    return torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)


OPTIMIZERS: dict[str, Callable[[Groups, float], torch.optim.Optimizer]] = {"AdamW": adamw}


def group(name: str, parameters: Iterable[nn.Parameter], lr: float) -> dict[str, Any]:
    """A parameter group that remembers the learning rate before any schedule."""
    return {"name": name, "params": list(parameters), "lr": lr, "base_lr": lr}


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give every group its own learning rate × ``factor``."""
    for entry in optimizer.param_groups:
        entry["lr"] = entry["base_lr"] * factor
