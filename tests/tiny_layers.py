"""Single layers of a base, and networks on them far from their start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny_base
import torch
from torch import nn

from train.config import TrainConfig
from train.networks.network import Layer, Network
from train.targets import Target, Targets

NAME = "lora_unet_down_blocks_0_attentions_0_proj_in"
BASES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "linear": ((24, 20), (2, 3, 24)),
    "linear of rows": ((24, 20), (2, 24)),
    "1×1": ((12, 10, 1), (2, 12, 6, 6)),
    "3×3": ((6, 8, 3, 1, 1), (2, 6, 7, 7)),
    "3×3, stride 2": ((6, 8, 3, 2, 1), (2, 6, 8, 8)),
}
"""Arguments of a Linear or a Conv2d, and the shape of an input."""


def base_of(kind: str) -> tuple[nn.Linear | nn.Conv2d, torch.Tensor]:
    """A layer with random weights and an input for it; the same each time."""
    arguments, shape = BASES[kind]
    with torch.random.fork_rng():
        torch.manual_seed(7)
        base = nn.Linear(*arguments) if len(arguments) == 2 else nn.Conv2d(*arguments)
        return base.requires_grad_(False), torch.randn(shape)


def strengthen(layers: nn.Module, std: float = 0.3) -> None:
    """Random weights everywhere, so that each of them counts."""
    source = torch.Generator().manual_seed(1)
    for parameter in layers.parameters():
        nn.init.normal_(parameter, std=std, generator=source)


def alone(layer: Layer, base: nn.Linear | nn.Conv2d, name: str = NAME) -> tuple[Network, Targets]:
    """A network of one layer, and the target it lies on."""
    network = Network()
    network[name] = layer
    return network, {name: Target(name, base, "unet", 1)}


def merged(base: nn.Linear | nn.Conv2d, x: torch.Tensor, delta: torch.Tensor) -> torch.Tensor:
    """What the base gives with ``delta`` added to its weight."""
    changed = {"weight": base.weight + delta, "bias": base.bias}
    return torch.func.functional_call(base, changed, (x,))


def config(**values: Any) -> TrainConfig:
    """Settings of a run that is never started."""
    return tiny_base.config(Path("base"), Path("root"), **values)
