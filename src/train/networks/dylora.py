"""DyLoRA (arXiv 2210.07558): one training gives LoRAs of every rank.

At each step a layer draws a rank b, a multiple of ``unit``, and computes with its first b ranks
alone; these learn (the paper's plain form; its frozen one lets only the last unit learn). So what
counts most comes first, and the front of the file is a LoRA of its own.

The scale at rank b is alpha/dim · √(dim/b), that of the paper's own program and of sd-scripts; at
full rank it is LoRA's. sd-scripts computes with all ranks whatever it drew, so its fronts were
never asked alone, and draws a second time where gradient checkpointing computes again: neither is
done here.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from train.networks.dropout import NONE, Dropouts
from train.networks.lora import DOWN, MID, UP, LoRALayer
from train.networks.network import ALPHA, Network, Weights
from train.networks.product import add_product
from train.seeds import stable_seed


class DyLoRALayer(LoRALayer):
    """A LoRA whose ranks are in order of weight. ``unit`` divides ``dim``."""

    def __init__(
        self, base: nn.Module, dim: int, scale: float, dropouts: Dropouts = NONE, *, unit: int = 1
    ) -> None:
        super().__init__(base, dim, scale, dropouts)
        if dim % unit:
            raise ValueError(f"rank {dim} is no multiple of unit ({unit})")
        self.unit, self.rank = unit, dim

    @classmethod
    def of_file(cls, base: nn.Module, tensors: Weights, scale: float, **values: Any) -> DyLoRALayer:
        """A layer for the shapes in a file, its weights not yet read."""
        if MID in tensors:
            raise ValueError("DyLoRA cannot go on from a Tucker decomposition (lora_mid)")
        return cls(base, tensors[DOWN].shape[0], scale, **values)

    def begin_step(self, seed: int, step: int, name: str) -> None:
        """Draw the rank of this step, uniformly, and the dropouts."""
        super().begin_step(seed, step, name)
        units = stable_seed(seed, "rank", step, name) % (self.dim // self.unit) + 1
        self.rank = units * self.unit

    def scale_at(self, rank: int) -> float:
        """The scale of the first ``rank`` ranks."""
        return self.scale * math.sqrt(self.dim / rank)

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """As LoRA with the first ranks only; all of them when it does not learn."""
        rank = self.rank if self.training else self.dim
        down, up = self.lora_down[:rank].to(x.dtype), self.lora_up[:, :rank].to(x.dtype)
        thin = self.dropped(self.operation(x, down))
        return add_product(base_output, thin, up, self.scale_at(rank) * strength)

    def at_rank(self, rank: int, alpha: float) -> dict[str, torch.Tensor]:
        """The file's tensors of the first ``rank`` ranks, as they were learned."""
        factor = self.scale_at(rank) * rank / alpha
        return {
            DOWN: self.lora_down.detach()[:rank].clone(),
            UP: self.lora_up.detach()[:, :rank] * factor,
            ALPHA: torch.tensor(float(alpha)),
        }


def at_rank(network: Network, rank: int, alpha: float) -> dict[str, torch.Tensor]:
    """All tensors of a LoRA file of a lower rank; layers of a smaller one stay whole.

    Raises ``ValueError`` where ``rank`` is no multiple of a layer's unit.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in network.layers():
        if not isinstance(layer, DyLoRALayer) or rank < 1 or rank % layer.unit:
            raise ValueError(f"{name} was not learned at rank {rank}")
        lower = layer.at_rank(min(rank, layer.dim), alpha)
        tensors |= {f"{name}.{suffix}": value for suffix, value in lower.items()}
    return tensors
