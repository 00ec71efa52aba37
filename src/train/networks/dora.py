"""DoRA (arXiv 2402.09353): the length and the direction of each weight are learned apart.

W' = m · (W + ΔW) / ‖W + ΔW‖, with a LoRA's ΔW and one length m for each row of W (what makes one
output) or for each column. Files call m ``dora_scale``: (out, 1[, 1, 1]) or (1, in[, 1, 1]). New
layers take columns, as the paper does: A1111 knows no others, and LyCORIS and ComfyUI tell them by
the shape. The gradient does not go through the norm (§4.3).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from train.networks.dropout import NONE, Dropouts
from train.networks.lora import DOWN, MID, LoRALayer
from train.networks.network import Weights
from train.networks.product import add_product, full_precision, over_channels

DORA = "dora_scale"


class DoRALayer(LoRALayer):
    """A LoRA for the direction beside ``dora_scale`` for the length, which starts as W's.

    What shortens or multiplies ΔW acts on the direction alone.
    """

    suffixes = {**LoRALayer.suffixes, "dora_scale": DORA}  # noqa: RUF012

    def __init__(
        self,
        base: nn.Linear | nn.Conv2d,
        dim: int,
        scale: float,
        dropouts: Dropouts = NONE,
        *,
        mid_rank: int | None = None,
        by_row: bool = False,
    ) -> None:
        super().__init__(base, dim, scale, dropouts, mid_rank=mid_rank)
        # in a tuple, lest the base's weights count as the layer's own
        self._base = (base,)
        self.by_row = by_row
        self.dora_scale = nn.Parameter(self._norms(base.weight.detach().float()).cpu())

    @classmethod
    def of_file(
        cls, base: nn.Linear | nn.Conv2d, tensors: Weights, scale: float, **values: Any
    ) -> DoRALayer:
        """A layer for the shapes in a file, its weights not yet read.

        A LoRA without ``dora_scale`` becomes a DoRA that does the same.
        """
        by_row = DORA in tensors and tensors[DORA].shape[0] == base.weight.shape[0]
        mid = tensors.get(MID)
        mid_rank = None if mid is None else mid.shape[0]
        dim = tensors[DOWN].shape[0]
        return cls(base, dim, scale, mid_rank=mid_rank, by_row=by_row, **values)

    def read(self, tensors: Weights, name: str) -> None:
        """Take a file's weights; lengths that it does not have are those of W + ΔW."""
        super().read({DORA: self.dora_scale.detach(), **tensors}, name)
        if DORA not in tensors:
            with torch.no_grad():
                self.dora_scale.copy_(self._norms(self._moved()))

    def _moved(self) -> torch.Tensor:
        """W + ΔW, float32, where the layer's own weights lie."""
        weight = self._base[0].weight.detach()
        return weight.to(self.lora_up.device, self.lora_up.dtype) + self.low_rank()

    def _norms(self, weight: torch.Tensor) -> torch.Tensor:
        """The lengths of the rows, (out, 1, …), or columns, (1, in, …), of a weight."""
        axes = [axis for axis in range(weight.ndim) if axis != (0 if self.by_row else 1)]
        return torch.linalg.vector_norm(weight, dim=axes, keepdim=True)

    def _factors(self) -> torch.Tensor:
        """m / ‖W + ΔW‖; only m has a gradient."""
        with torch.no_grad(), full_precision(self.dora_scale):
            norms = self._norms(self._moved())
        return self.dora_scale / norms

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """``base_output + strength · (W' - W)(x)``, without making W'."""
        factors = self._factors()
        if self.by_row:
            return self._added_by_row(x, base_output, factors, strength)
        stretched = x * over_channels(factors, x).to(x.dtype)
        rest = x * over_channels(factors - 1, x).to(x.dtype)
        moved = self.operation(rest, self._base[0].weight.to(x.dtype))
        up = self.lora_up.to(x.dtype)
        return add_product(
            base_output + strength * moved, self.thin(stretched), up, self.scale * strength
        )

    def _added_by_row(
        self, x: torch.Tensor, base_output: torch.Tensor, factors: torch.Tensor, strength: float
    ) -> torch.Tensor:
        # (f-1)·Wx + f·ΔWx; what the base gave is Wx, and its bias, which is not stretched
        bias = self._base[0].bias
        plain = base_output if bias is None else base_output - over_channels(bias, base_output)
        rest = over_channels(strength * (factors - 1), base_output).to(x.dtype)
        up = (strength * factors.view(-1, *[1] * (self.lora_up.ndim - 1)) * self.lora_up).to(
            x.dtype
        )
        stretched = torch.addcmul(base_output, plain.to(x.dtype), rest)
        return add_product(stretched, self.thin(x), up, self.scale)

    def delta(self) -> torch.Tensor:
        """W' - W, float32."""
        moved = self._moved()
        return (self._factors().detach() - 1) * moved + self.low_rank()
