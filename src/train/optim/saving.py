"""The state of any optimizer as tensors and plain values, and back; nothing is pickled."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from dataprep.errors import DataprepError
from train.optim.arguments import parameters_of
from train.optim.running import FROZEN, freeze_group, go_on, is_resting

Tensors = dict[str, torch.Tensor]
OURS = ("params", "name", "part", "lr", "base_lr")
"""Entries of a group that come from the settings, also when a run is taken up again."""
PAGED = ("state1", "state2")
"""bitsandbytes' moments, which a paged optimizer keeps in memory of its own kind."""


def state(optimizer: torch.optim.Optimizer) -> tuple[Tensors, dict[str, Any]]:
    """Everything the optimizer has gathered, by name: tensors on the CPU, and values for JSON.

    What was set (rates, decay, betas) is left out: a resumed run takes it from its config. While
    the optimizer rests, the weights it works with are in it as well.
    """
    tensors: Tensors = {}
    settings = {*OURS, *parameters_of(type(optimizer))}
    groups = [
        {
            key: _pack(value, f"group.{number}.{key}", tensors)
            for key, value in entry.items()
            if key not in settings
        }
        for number, entry in enumerate(optimizer.param_groups)
    ]
    parameters = [
        {
            key: _pack(value, f"state.{number}.{key}", tensors)
            for key, value in optimizer.state.get(parameter, {}).items()
        }
        for number, parameter in enumerate(_parameters(optimizer))
    ]
    shapes = [list(parameter.shape) for parameter in _parameters(optimizer)]
    plain = {"optimizer": _name(optimizer), "shapes": shapes, "groups": groups, "state": parameters}
    return tensors, plain


def restore(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any]
) -> None:
    """Put back what ``state`` gave, exactly; what was frozen or at rest then is so, or works, now.

    Raises ``DataprepError`` when it is of another optimizer or of other parameters.
    """
    _check(optimizer, plain)
    rows = iter(plain["state"])
    for entry, saved in zip(optimizer.param_groups, plain["groups"], strict=True):
        device = entry["params"][0].device
        for key, value in saved.items():
            entry[key] = _moved(_unpack(value, tensors), device)
        for parameter in entry["params"]:
            # indexing an optimizer's state would leave an empty entry behind
            if row := next(rows):
                optimizer.state[parameter] = {
                    key: _placed(optimizer, entry, parameter, key, _unpack(value, tensors))
                    for key, value in row.items()
                }
    if is_resting(optimizer):
        go_on(optimizer)
    for entry in optimizer.param_groups:
        if entry.get(FROZEN):
            freeze_group(entry)


def _parameters(optimizer: torch.optim.Optimizer) -> Iterator[torch.Tensor]:
    for entry in optimizer.param_groups:
        yield from entry["params"]


def _name(optimizer: torch.optim.Optimizer) -> str:
    return type(optimizer).__name__


def _check(optimizer: torch.optim.Optimizer, plain: Mapping[str, Any]) -> None:
    if plain["optimizer"] != _name(optimizer):
        raise DataprepError(
            f"the state is of the optimizer {plain['optimizer']}, the run has {_name(optimizer)}",
            "go on with the optimizer_type of the run that saved it",
        )
    shapes = [list(parameter.shape) for parameter in _parameters(optimizer)]
    groups = len(optimizer.param_groups)
    if plain["shapes"] != shapes or len(plain["groups"]) != groups:
        raise DataprepError(
            f"the state is of {len(plain['shapes'])} tensors in {len(plain['groups'])} groups, "
            f"the run has {len(shapes)} in {groups}, or of other sizes",
            "go on with the network and the learning rates of the run that saved it",
        )


def _placed(
    optimizer: torch.optim.Optimizer,
    entry: Mapping[str, Any],
    parameter: torch.Tensor,
    key: str,
    value: Any,
) -> Any:
    """A value where the optimizer expects it."""
    if not isinstance(value, torch.Tensor):
        return value
    if key == "step" and not (entry.get("fused") or entry.get("capturable")):
        return value
    if key in PAGED and hasattr(optimizer, "get_state_buffer"):
        buffer: torch.Tensor = optimizer.get_state_buffer(parameter, dtype=value.dtype)
        return buffer.copy_(value)
    return value.to(parameter.device)


def _moved(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, torch.Tensor) else value


def _pack(value: Any, name: str, tensors: Tensors) -> Any:
    """A value as JSON knows it; tensors go to ``tensors`` and leave their name."""
    if isinstance(value, torch.Tensor):
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        parts = [_pack(part, f"{name}.{place}", tensors) for place, part in enumerate(value)]
        return {type(value).__name__: parts}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _pack(part, f"{name}.{key}", tensors) for key, part in value.items()}}
    raise DataprepError(
        f"the optimizer's state cannot be saved: {name} is a {type(value).__name__}",
        "choose another optimizer, or leave out save_state",
    )


def _unpack(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind == "tensor":
        return tensors[inner].clone()
    if kind == "float":
        return float(inner)
    if kind == "dict":
        return {key: _unpack(part, tensors) for key, part in inner.items()}
    parts = [_unpack(part, tensors) for part in inner]
    return tuple(parts) if kind == "tuple" else parts
