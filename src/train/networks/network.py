"""What every kind of network shares: layers by kohya's name, laid on a frozen base by hooks.

A layer gives ``base(x) + strength · ΔW(x)``. The base stays as it is; its output is added to by a
forward hook, so taking the network away gives back the base bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import nn

from train.targets import Targets

Weights = Mapping[str, torch.Tensor]
ALPHA = "alpha"


class Layer(nn.Module):
    """The learned part beside one Linear or Conv2d of the base. Trained in float32."""

    fast: ClassVar[tuple[str, ...]] = ()
    """Names of the parameters that LoRA+ lets learn faster: those that start at zero."""
    dim: int
    scale: float
    """What the product of the learned weights is multiplied by: alpha / dim, or alpha / √dim."""

    def forward(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """The base's output with the layer's added ``strength`` times."""
        raise NotImplementedError

    def delta(self) -> torch.Tensor:
        """ΔW as merging would add it at strength 1, in the shape of the base's weight; float32."""
        raise NotImplementedError

    def to_file(self, alpha: float) -> dict[str, torch.Tensor]:
        """The tensors of a file by what follows the module's name, ``alpha`` among them.

        The file's scale is alpha / dim; where the layer's own is another, the difference is
        multiplied into the weights, so that ΔW is the same.
        """
        raise NotImplementedError

    def begin_step(self, seed: int, step: int, name: str) -> None:
        """Draw what is random about this step; the same again when it is computed twice."""

    def shorten(self, longest: float) -> bool:
        """Shorten the weights so that ΔW is at most so long (Frobenius); whether it was."""
        norm = self.delta().norm()
        too_long = bool(norm > longest)
        if too_long:
            self.multiply(float(longest / norm))
        return too_long

    def multiply(self, factor: float) -> None:
        """Multiply ΔW in place."""
        raise NotImplementedError


class Network(nn.ModuleDict):
    """Layers by kohya's name.

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

    def layers(self) -> Iterator[tuple[str, Layer]]:
        """Name and layer, in the order of the base."""
        for name, layer in self.items():
            assert isinstance(layer, Layer)
            yield name, layer

    def begin_step(self, seed: int, step: int) -> None:
        """Draw what is random about a step (dropouts, DyLoRA's rank)."""
        for name, layer in self.layers():
            layer.begin_step(seed, step, name)

    def to_file(self, alpha: float) -> dict[str, torch.Tensor]:
        """All tensors of a file by their keys, with one alpha throughout."""
        return {
            f"{name}.{suffix}": value
            for name, layer in self.layers()
            for suffix, value in layer.to_file(alpha).items()
        }


@contextmanager
def attached(network: Network, targets: Targets) -> Iterator[Network]:
    """Let the network act on its targets inside the ``with``; afterwards the base is alone."""

    def hook(layer: Layer) -> Any:
        def add(module: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            if network.multiplier == 0:
                return output
            changed: torch.Tensor = layer(inputs[0], output, network.multiplier)
            return changed

        return add

    handles = [
        targets[name].module.register_forward_hook(hook(layer)) for name, layer in network.layers()
    ]
    try:
        yield network
    finally:
        for handle in handles:
            handle.remove()
