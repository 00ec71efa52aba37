"""LoHa (FedPara, arXiv 2108.06098): ΔW is the elementwise product of two low-rank matrices.

ΔW = scale · (w1_a·w1_b) ⊙ (w2_a·w2_b), of rank up to dim². Computed in the cheaper of two ways:

- as thin layers of dim² ranks: row by row and column by column, the Kronecker products of the
  factors are a down and an up with the very same product (the face-splitting product);
- as one dense product beside the base's. It is made again in the backward pass instead of being
  kept, and never added to W, where a half-precision sum would round it away.

Files are those of LyCORIS; ``hada_t1`` and ``hada_t2`` make both matrices Tucker decompositions.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from train.networks.dropout import NONE, Dropouts
from train.networks.network import Layer, Weights
from train.networks.product import Operation, full_precision, operation

W1A, W1B, W2A, W2B = "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"
T1, T2 = "hada_t1", "hada_t2"
THIN_SHARE = 0.5
"""The thin way is taken up to this share of the dense one's multiplications."""


class LoHaLayer(Layer):
    """Two pairs of thin matrices. ``w2_a`` starts at 0.

    Shapes: w*_a (out, dim), w*_b (dim, in[·k·k]); with t (dim, dim, k, k): w*_a (dim, out),
    w*_b (dim, in). Dropouts act on what is added: LoHa has no ranks to leave out one by one, so
    ``rank_dropout`` leaves out outputs, as LyCORIS does.
    """

    suffixes = {key: key for key in (W1A, W1B, W2A, W2B, T1, T2)}  # noqa: RUF012
    fast = (W2A,)
    shares = (W1A, W2A)

    def __init__(
        self,
        base: nn.Linear | nn.Conv2d,
        dim: int,
        scale: float,
        dropouts: Dropouts = NONE,
        *,
        tucker: bool = False,
    ) -> None:
        super().__init__(dim, scale, dropouts)
        self.operation = operation(base)
        self.shape = base.weight.shape
        out, inner, *kernel = self.shape
        width = inner if tucker else base.weight[0].numel()
        for a, b, t in ((W1A, W1B, T1), (W2A, W2B, T2)):
            self.register_parameter(a, _empty(dim, out) if tucker else _empty(out, dim))
            self.register_parameter(b, _empty(dim, width))
            self.register_parameter(t, _empty(dim, dim, *kernel) if tucker else None)
        self.is_tucker = tucker
        thin_cost = dim**2 * (out + width)
        self.is_thin = not tucker and thin_cost <= THIN_SHARE * out * width

    @classmethod
    def of_file(
        cls, base: nn.Linear | nn.Conv2d, tensors: Weights, scale: float, **values: Any
    ) -> LoHaLayer:
        """A layer for the shapes in a file, its weights not yet read."""
        return cls(base, tensors[W1B].shape[0], scale, tucker=T1 in tensors, **values)

    def start(self, source: torch.Generator) -> None:
        """As LyCORIS: w1_a from N(0, 0.1²), both w_b from N(0, 1), w2_a is 0."""
        for name, std in ((W1A, 0.1), (W1B, 1.0), (W2B, 1.0)):
            nn.init.normal_(getattr(self, name), std=std, generator=source)
        nn.init.zeros_(getattr(self, W2A))

    def added(self, x: torch.Tensor, base_output: torch.Tensor, strength: float) -> torch.Tensor:
        """``base_output + strength · ΔW(x)``."""
        return torch.add(base_output, self.dropped(self._product(x)), alpha=strength)

    def _product(self, x: torch.Tensor) -> torch.Tensor:
        if self.is_tucker:
            with full_precision(x):
                dense = self._tucker()
            return self.operation(x, dense.to(x.dtype))
        if self.is_thin:
            return self._thin(x)
        return _Dense.apply(x, *self._factors(), self.scale, self.shape, self.operation)

    def _thin(self, x: torch.Tensor) -> torch.Tensor:
        a1, b1, a2, b2 = self._factors()
        out, _, *kernel = self.shape
        with full_precision(x):
            down = (b1.unsqueeze(1) * b2).reshape(-1, *self.shape[1:])
            up = (a1.unsqueeze(2) * a2.unsqueeze(1)).view(out, -1, *[1] * len(kernel)) * self.scale
        middle = self.operation(x, down.to(x.dtype))
        if kernel:
            return nn.functional.conv2d(middle, up.to(x.dtype))
        return nn.functional.linear(middle, up.to(x.dtype))

    def _factors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        return self.hada_w1_a, self.hada_w1_b, self.hada_w2_a, self.hada_w2_b

    def _tucker(self) -> torch.Tensor:
        a1, b1, a2, b2 = self._factors()
        first, second = (
            torch.einsum("pqhw,qi,po->oihw", t, b, a)
            for t, a, b in ((self.hada_t1, a1, b1), (self.hada_t2, a2, b2))
        )
        return self.scale * first * second

    def delta(self) -> torch.Tensor:
        """ΔW = scale · (w1_a·w1_b) ⊙ (w2_a·w2_b)."""
        if self.is_tucker:
            return self._tucker().detach()
        a1, b1, a2, b2 = (factor.detach() for factor in self._factors())
        return (self.scale * (a1 @ b1) * (a2 @ b2)).view(self.shape)


def _empty(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape))


class _Dense(torch.autograd.Function):
    """x → ΔW(x). Keeps the factors for the backward pass, not their dense product."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        a1: torch.Tensor,
        b1: torch.Tensor,
        a2: torch.Tensor,
        b2: torch.Tensor,
        scale: float,
        shape: torch.Size,
        multiply: Operation,
    ) -> torch.Tensor:
        ctx.save_for_backward(x, a1, b1, a2, b2)
        ctx.scale, ctx.shape, ctx.multiply = scale, shape, multiply
        with full_precision(x):
            dense = scale * (a1 @ b1) * (a2 @ b2)
            return multiply(x, dense.view(shape).to(x.dtype))

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        x, a1, b1, a2, b2 = ctx.saved_tensors
        with full_precision(x):
            first, second = a1 @ b1, a2 @ b2
            of_x = None
            if ctx.needs_input_grad[0]:
                dense = (ctx.scale * first * second).view(ctx.shape).to(x.dtype)
                of_x = _of_input(ctx.multiply, gradient, x, dense)
            of_dense = _of_weight(ctx.multiply, gradient, x, ctx.shape)
            of_dense = ctx.scale * of_dense.reshape(first.shape).to(a1.dtype)
            of_first, of_second = of_dense * second, of_dense * first
            factors = (of_first @ b1.t(), a1.t() @ of_first, of_second @ b2.t(), a2.t() @ of_second)
        return of_x, *factors, None, None, None


def _of_input(
    multiply: Any, gradient: torch.Tensor, x: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    if weight.ndim == 4:
        return nn.grad.conv2d_input(x.shape, weight, gradient, **multiply.keywords)
    return gradient @ weight


def _of_weight(
    multiply: Any, gradient: torch.Tensor, x: torch.Tensor, shape: torch.Size
) -> torch.Tensor:
    if len(shape) == 4:
        return nn.grad.conv2d_weight(x, shape, gradient, **multiply.keywords)
    return gradient.reshape(-1, shape[0]).t() @ x.reshape(-1, shape[1])
