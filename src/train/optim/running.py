"""What a run does with an optimizer beside stepping it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

WORKING = "working_weights"
"""Key of the state that holds a parameter's own value while averaged weights take its place."""
FROZEN = "frozen"
"""Key of a group that learns no more."""


def set_lr(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Give every group its own learning rate × ``factor``; one that finds its own keeps it."""
    for entry in optimizer.param_groups:
        if entry["base_lr"] is not None:
            entry["lr"] = entry["base_lr"] * factor


def has_gradients(optimizer: torch.optim.Optimizer) -> bool:
    """Whether there is anything to step by; not every optimizer, nor the scaler, stands nothing."""
    return any(
        parameter.grad is not None
        for entry in optimizer.param_groups
        for parameter in entry["params"]
    )


def freeze(optimizer: torch.optim.Optimizer, part: str) -> None:
    """Let the groups whose part begins so learn no more, and not decay either.

    Their parameters lose their gradients, which every optimizer passes over. A rate of 0 would not
    do: Prodigy and D-Adaptation step a group on with the rate of the others.
    """
    for entry in optimizer.param_groups:
        if entry["part"].startswith(part):
            freeze_group(entry)


def freeze_group(entry: dict[str, Any]) -> None:
    """Let one group learn no more."""
    entry[FROZEN] = True
    for parameter in entry["params"]:
        parameter.requires_grad_(False)
        parameter.grad = None


def rates(optimizer: torch.optim.Optimizer) -> dict[str, float]:
    """The learning rates as sd-scripts logs them: ``lr/unet``, ``lr/textencoder``.

    Of those that find the size of their steps themselves also ``lr/d*lr/unet``, the rate that
    comes of it.
    """
    told: dict[str, float] = {}
    for entry in optimizer.param_groups:
        name = entry["name"].replace("text_encoder", "textencoder")
        rate = 0.0 if entry.get(FROZEN) else _rate(optimizer, entry)
        told[f"lr/{name}"] = rate
        if "d" in entry:
            told[f"lr/d*lr/{name}"] = float(entry["d"]) * rate
    return told


def _rate(optimizer: torch.optim.Optimizer, entry: dict[str, Any]) -> float:
    # schedule-free optimizers warm up by themselves
    if entry.get("scheduled_lr"):
        return float(entry["scheduled_lr"])
    if entry["lr"] is not None:
        return float(entry["lr"])
    state = optimizer.state[entry["params"][0]]
    # Adafactor's relative step: known once it has stepped
    return float(optimizer._get_lr(entry, state)) if state else 0.0


def is_schedule_free(optimizer: torch.optim.Optimizer) -> bool:
    """Whether the weights it works with are not those that are to be used."""
    return hasattr(optimizer, "train") and hasattr(optimizer, "eval")


def is_resting(optimizer: torch.optim.Optimizer) -> bool:
    """Whether averaged weights stand in for those it works with."""
    return any(WORKING in row for row in optimizer.state.values())


@contextmanager
def resting(optimizer: torch.optim.Optimizer) -> Iterator[None]:
    """The averaged weights of a schedule-free optimizer in place of those it works with.

    For saving and sampling. The way back is exact: the working weights are kept, not computed
    again, so a run that samples ends as one that does not. Others pass through.
    """
    if not is_schedule_free(optimizer) or is_resting(optimizer):
        yield
        return
    parameters = [each for entry in optimizer.param_groups for each in entry["params"]]
    for parameter in parameters:
        optimizer.state[parameter][WORKING] = parameter.detach().clone()
    optimizer.eval()
    try:
        yield
    finally:
        go_on(optimizer)


def go_on(optimizer: torch.optim.Optimizer) -> None:
    """End a rest: put the working weights back."""
    optimizer.train()
    with torch.no_grad():
        for entry in optimizer.param_groups:
            for parameter in entry["params"]:
                parameter.copy_(optimizer.state[parameter].pop(WORKING))
