"""LoRA (arXiv 2106.09685): beside a frozen layer, two thin ones whose product is learned.

A layer gives ``base(x) + up(down(x)) · alpha/dim``. On convolutions (LoCon) down has the base's
kernel, stride and padding, and up is 1×1. Files of LyCORIS may hold a third between the two
(``lora_mid``, a Tucker decomposition): then down is 1×1 and mid has the kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from train.networks.dropout import NONE, Dropouts
from train.networks.network import Layer, Weights
from train.networks.product import add_product, operation

DOWN, UP, MID = "lora_down.weight", "lora_up.weight", "lora_mid.weight"


class LoRALayer(Layer):
    """The thin pair beside one Linear or Conv2d. ``up`` starts at 0: an untrained LoRA is none.

    Shapes: down (dim, in[, k, k]), up (out, dim[, 1, 1]); with mid: down (dim, in, 1, 1),
    mid (rank, dim, k, k), up (out, rank, 1, 1).
    """

    suffixes = {"lora_down": DOWN, "lora_mid": MID, "lora_up": UP}  # noqa: RUF012
    fast = ("lora_up",)
    shares = ("lora_down", "lora_up")

    def __init__(
        self,
        base: nn.Module,
        dim: int,
        scale: float,
        dropouts: Dropouts = NONE,
        *,
        mid_rank: int | None = None,
    ) -> None:
        super().__init__(dim, scale, dropouts)
        self.operation = operation(base)
        out, inner, *kernel = base.weight.shape
        ones = [1] * len(kernel)
        tucker = mid_rank is not None
        self.lora_down = nn.Parameter(torch.empty(dim, inner, *(ones if tucker else kernel)))
        self.lora_mid = nn.Parameter(torch.empty(mid_rank, dim, *kernel)) if tucker else None
        self.lora_up = nn.Parameter(torch.empty(out, mid_rank or dim, *ones))

    @classmethod
    def of_file(cls, base: nn.Module, tensors: Weights, scale: float, **values: Any) -> LoRALayer:
        """A layer for the shapes in a file, its weights not yet read."""
        mid = tensors.get(MID)
        mid_rank = None if mid is None else mid.shape[0]
        return cls(base, tensors[DOWN].shape[0], scale, mid_rank=mid_rank, **values)

    def start(self, source: torch.Generator) -> None:
        """down is uniform within ±1/√fan_in (kaiming_uniform with a = √5), up is 0."""
        bound = 1 / math.sqrt(self.lora_down[0].numel())
        nn.init.uniform_(self.lora_down, -bound, bound, generator=source)
        nn.init.zeros_(self.lora_up)

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """``base_output + strength · scale · up(down(x))``."""
        up = self.lora_up.to(x.dtype)
        return add_product(base_output, self.thin(x), up, self.scale * strength)

    def thin(self, x: torch.Tensor) -> torch.Tensor:
        """What lies between down and up, after dropouts: (…, dim) or (batch, dim, h, w)."""
        down = self.lora_down.to(x.dtype)
        if self.lora_mid is None:
            return self.dropped(self.operation(x, down))
        return self.dropped(self.operation(F.conv2d(x, down), self.lora_mid.to(x.dtype)))

    def low_rank(self) -> torch.Tensor:
        """scale · up · down in the shape of the base's weight, float32."""
        up, down = self.lora_up.detach().flatten(1), self.lora_down.detach()
        if self.lora_mid is None:
            return self.scale * (up @ down.flatten(1)).view(len(up), *down.shape[1:])
        return self.scale * torch.einsum(
            "or,rdhw,di->oihw", up, self.lora_mid.detach(), down.flatten(1)
        )

    def delta(self) -> torch.Tensor:
        """ΔW = scale · up · down."""
        return self.low_rank()

    @classmethod
    def lengths(cls, layers: Sequence[LoRALayer]) -> torch.Tensor:
        """‖up·down‖ by √tr((upᵀup)(down·downᵀ)): the dense product is never made."""
        if layers[0].lora_mid is not None:
            return torch.stack([layer.low_rank().norm() for layer in layers])
        down = torch.stack([layer.lora_down.detach().flatten(1) for layer in layers])
        up = torch.stack([layer.lora_up.detach().flatten(1) for layer in layers])
        squares = ((up.mT @ up) * (down @ down.mT)).sum((1, 2)).clamp(min=0)
        scales = torch.tensor([layer.scale for layer in layers], dtype=squares.dtype)
        return squares.sqrt() * scales.to(squares.device)
