"""What every kind of network shares: layers by kohya's name, laid on a frozen base by hooks.

A layer gives ``base(x) + strength · ΔW(x)``. The base stays as it is; its output is added to by a
forward hook, so taking the network away gives back the base bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import nn

from train.families import Family
from train.networks.dropout import NONE, Dropouts, drop
from train.seeds import stable_seed, uniform
from train.targets import Targets

Weights = Mapping[str, torch.Tensor]
ALPHA = "alpha"


class Layer(nn.Module):
    """The learned part beside one Linear or Conv2d of the base. Trained in float32."""

    suffixes: ClassVar[Mapping[str, str]] = {}
    """Parameters, and what they are called in a file behind the module's name."""
    fast: ClassVar[tuple[str, ...]] = ()
    """Names of the parameters that LoRA+ lets learn faster: those that start at zero. A factor of
    ΔW is multiplied into the first of them."""
    shares: ClassVar[tuple[str, ...]] = ()
    """Names of the parameters that share evenly in what shortens ΔW."""
    has_rank: bool = True
    """Whether ``dim`` says how large the weights are."""
    dim: int
    scale: float
    """What the product of the learned weights is multiplied by: alpha / dim, or alpha / √dim."""

    def __init__(self, dim: int, scale: float, dropouts: Dropouts = NONE) -> None:
        super().__init__()
        self.dim, self.scale, self.dropouts = dim, scale, dropouts
        self.skipped = False
        self._keys = (0, 0)

    def forward(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """The base's output with the layer's added ``strength`` times.

        It is computed in the number format of the base's output, under autocast or not.
        """
        if self.training and self.skipped:
            return base_output
        return self.added(x.to(base_output.dtype), base_output, strength)

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """What ``forward`` gives, for an ``x`` in the number format of the base's output."""
        raise NotImplementedError

    def delta(self) -> torch.Tensor:
        """ΔW as merging would add it at strength 1, in the shape of the base's weight; float32."""
        raise NotImplementedError

    def start(self, source: torch.Generator) -> None:
        """Draw the weights of an untrained layer, whose ΔW is 0."""
        raise NotImplementedError

    def to_file(self, alpha: float) -> dict[str, torch.Tensor]:
        """The tensors of a file by what follows the module's name, ``alpha`` among them.

        The file's scale is alpha / dim; where the layer's own is another, the difference is
        multiplied into the weights, so that ΔW is the same.
        """
        tensors = {
            suffix: getattr(self, parameter).detach()
            for parameter, suffix in self.suffixes.items()
            if getattr(self, parameter) is not None
        }
        factor = self.scale * self.dim / alpha
        carrier = self.suffixes[self.fast[0]]
        return {**tensors, carrier: tensors[carrier] * factor, ALPHA: torch.tensor(float(alpha))}

    def read(self, tensors: Weights, name: str) -> None:
        """Take the weights of a file, by suffix. Raises ``ValueError`` for other shapes."""
        for parameter, suffix in self.suffixes.items():
            if getattr(self, parameter) is not None:
                _fill(getattr(self, parameter).data, tensors[suffix], f"{name}.{suffix}")

    def keys(self) -> set[str]:
        """What a file may say of such a layer, by suffix."""
        return {*self.suffixes.values(), ALPHA}

    def begin_step(self, seed: int, step: int, name: str) -> None:
        """Draw what is random about this step; the same again when it is computed twice."""
        if not self.dropouts.any:
            return
        self.skipped = uniform(seed, "module_dropout", step, name) < self.dropouts.modules
        self._keys = (
            stable_seed(seed, "network_dropout", step, name),
            stable_seed(seed, "rank_dropout", step, name),
        )

    def dropped(self, values: torch.Tensor) -> torch.Tensor:
        """``values`` (batch, …, n) or (batch, n, h, w) as this step's dropouts leave them."""
        if not (self.training and self.dropouts.any):
            return values
        return drop(values, self.dropouts, *self._keys, channels=1 if values.ndim == 4 else -1)

    @classmethod
    def lengths(cls, layers: Sequence[Any]) -> torch.Tensor:
        """The Frobenius norms of ΔW of layers of equal shapes, (layers,)."""
        return torch.stack([layer.delta().norm() for layer in layers])

    def multiply(self, factor: float) -> None:
        """Multiply ΔW in place."""
        getattr(self, self.fast[0]).data.mul_(factor)

    def rescale(self, scale: float) -> None:
        """Give the layer another ``scale`` with the same ΔW."""
        self.multiply(self.scale / scale)
        self.scale = scale


def _fill(parameter: torch.Tensor, value: torch.Tensor, what: str) -> None:
    # proj_in and proj_out are linear in some models and 1×1 convolutions in others
    if parameter.numel() != value.numel() or parameter.shape[:2] != value.shape[:2]:
        raise ValueError(f"{what} is {tuple(value.shape)} where {tuple(parameter.shape)} is needed")
    parameter.copy_(value.reshape(parameter.shape))


class Network(nn.ModuleDict):
    """Layers by kohya's name.

    ``multiplier`` is the strength; at 0 the base's output passes through untouched.
    """

    multiplier: float = 1.0
    family: Family = "sd1"
    """Which base its layers were made for."""

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
