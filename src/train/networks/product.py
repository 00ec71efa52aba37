"""Products of a weight and an input, as the layer of the base would take them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

Operation = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def operation(base: nn.Module) -> Operation:
    """(x, weight) → what the base would give with this weight and no bias.

    Raises ``TypeError`` for anything but a Linear and a Conv2d without groups.
    """
    if isinstance(base, nn.Conv2d) and base.groups == 1 and base.padding_mode == "zeros":
        return partial(F.conv2d, stride=base.stride, padding=base.padding, dilation=base.dilation)
    if isinstance(base, nn.Linear):
        return F.linear
    raise TypeError(f"no network fits {base}")


def add_product(
    base_output: torch.Tensor, thin: torch.Tensor, up: torch.Tensor, factor: float
) -> torch.Tensor:
    """``base_output + factor · up(thin)``; ``up`` is (out, dim) or (out, dim, 1, 1)."""
    if up.ndim == 4:
        return torch.add(base_output, F.conv2d(thin, up), alpha=factor)
    # one call for product, scale and sum: a LoRA step is mostly the cost of calls
    flat = torch.addmm(
        base_output.reshape(-1, base_output.shape[-1]),
        thin.reshape(-1, thin.shape[-1]),
        up.t(),
        alpha=factor,
    )
    return flat.view(base_output.shape)


def over_channels(values: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """One value per channel, to be broadcast over ``like``: (…, n) or (batch, n, h, w)."""
    return values.reshape(1, -1, 1, 1) if like.ndim == 4 else values.reshape(-1)


def full_precision(like: torch.Tensor) -> torch.autocast:
    """Within, weights are multiplied in their own format; autocast would round them first."""
    return torch.autocast(like.device.type, enabled=False)
