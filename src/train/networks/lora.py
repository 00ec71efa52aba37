"""LoRA (arXiv 2106.09685): beside a frozen layer, two thin ones whose product is learned.

A layer gives ``base(x) + up(down(x)) · alpha/dim``. The base stays as it is; its output is
added to by a forward hook, so taking the network away gives back the base bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from train.noise import generator

DOWN, UP, ALPHA = "lora_down.weight", "lora_up.weight", "alpha"
Weights = Mapping[str, torch.Tensor]


class LoRALayer(nn.Module):
    """The thin pair beside one Linear or Conv2d. ``up`` starts at 0: an untrained LoRA is none.

    Shapes: down (dim, in[, k, k]), up (out, dim[, 1, 1]); alpha is 0-d.
    """

    def __init__(self, base: nn.Module, dim: int, alpha: float) -> None:
        super().__init__()
        self.scale = alpha / dim
        self.register_buffer("alpha", torch.tensor(float(alpha)))
        self.lora_down: nn.Linear | nn.Conv2d
        self.lora_up: nn.Linear | nn.Conv2d
        if isinstance(base, nn.Conv2d):
            self.lora_down = nn.Conv2d(
                base.in_channels, dim, base.kernel_size, base.stride, base.padding, bias=False
            )
            self.lora_up = nn.Conv2d(dim, base.out_channels, 1, bias=False)
        elif isinstance(base, nn.Linear):
            self.lora_down = nn.Linear(base.in_features, dim, bias=False)
            self.lora_up = nn.Linear(dim, base.out_features, bias=False)
        else:
            raise TypeError(f"no LoRA for a {type(base).__name__}")

    def forward(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """The base's output with the LoRA's added ``strength`` times."""
        thin = self.lora_down(x)
        if isinstance(self.lora_up, nn.Conv2d):
            return torch.add(base_output, self.lora_up(thin), alpha=self.scale * strength)
        # one call for product, scale and sum: a LoRA step is mostly the cost of calls
        flat = torch.addmm(
            base_output.reshape(-1, base_output.shape[-1]),
            thin.reshape(-1, thin.shape[-1]),
            self.lora_up.weight.t(),
            alpha=self.scale * strength,
        )
        return flat.view(base_output.shape)


class LoRANetwork(nn.ModuleDict):
    """LoRA layers by kohya name, so that its state dict is the file.

    ``multiplier`` is the strength; at 0 the base's output passes through untouched.
    """

    multiplier: float = 1.0

    def part(self, prefix: str) -> list[nn.Parameter]:
        """The parameters of the layers whose names begin with ``prefix``."""
        return [
            parameter
            for name, layer in self.items()
            if name.startswith(prefix)
            for parameter in layer.parameters()
        ]


def create(targets: Mapping[str, nn.Module], dim: int, alpha: float, seed: int) -> LoRANetwork:
    """A new network on ``targets``, drawn layer by layer from (seed, name).

    down is uniform within ±1/√fan_in (kaiming_uniform with a = √5), up is 0.
    """
    network = LoRANetwork()
    for name, base in targets.items():
        layer = LoRALayer(base, dim, alpha)
        down, up = layer.lora_down.weight, layer.lora_up.weight
        bound = 1 / math.sqrt(down[0].numel())
        nn.init.uniform_(down, -bound, bound, generator=generator(seed, "init", name))
        nn.init.zeros_(up)
        network[name] = layer
    return network


def from_weights(targets: Mapping[str, nn.Module], weights: Weights) -> LoRANetwork:
    """The network that a file's weights describe.

    dim is read from the shapes; a file without alpha means alpha = dim. Raises ``ValueError``
    for a weight that fits no target.
    """
    network = LoRANetwork()
    for name in dict.fromkeys(key.partition(".")[0] for key in weights):
        if name not in targets or f"{name}.{DOWN}" not in weights or f"{name}.{UP}" not in weights:
            raise ValueError(f"{name} fits no layer of this model")
        down = weights[f"{name}.{DOWN}"]
        alpha = float(weights.get(f"{name}.{ALPHA}", torch.tensor(float(down.shape[0]))))
        layer = LoRALayer(targets[name], down.shape[0], alpha)
        with torch.no_grad():
            _fill(layer.lora_down.weight, down, name)
            _fill(layer.lora_up.weight, weights[f"{name}.{UP}"], name)
        network[name] = layer
    return network


def _fill(parameter: torch.Tensor, value: torch.Tensor, name: str) -> None:
    # proj_in and proj_out are linear in some models and 1×1 convolutions in others
    if parameter.numel() != value.numel() or parameter.shape[:2] != value.shape[:2]:
        raise ValueError(f"{name} is {tuple(value.shape)} where {tuple(parameter.shape)} is needed")
    parameter.copy_(value.reshape(parameter.shape))


@contextmanager
def attached(network: LoRANetwork, targets: Mapping[str, nn.Module]) -> Iterator[LoRANetwork]:
    """Let the network act on its targets inside the ``with``; afterwards the base is alone."""

    def hook(layer: LoRALayer) -> Any:
        def add(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            if network.multiplier == 0:
                return output
            changed: torch.Tensor = layer(inputs[0], output, network.multiplier)
            return changed

        return add

    handles = [
        targets[name].register_forward_hook(hook(layer))
        for name, layer in network.items()
        if isinstance(layer, LoRALayer)
    ]
    try:
        yield network
    finally:
        for handle in handles:
            handle.remove()


def delta(layer: LoRALayer) -> torch.Tensor:
    """ΔW as a dense matrix or kernel: what merging would add to the base's weight."""
    down, up = layer.lora_down.weight, layer.lora_up.weight
    if isinstance(layer.lora_down, nn.Conv2d):
        return layer.scale * F.conv2d(down.permute(1, 0, 2, 3), up).permute(1, 0, 2, 3)
    return layer.scale * up @ down
