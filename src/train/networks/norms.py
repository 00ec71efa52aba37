"""Shortening of ΔW (``scale_weight_norms``; max-norm regularization, JMLR 15:1929)."""

from __future__ import annotations

from collections import defaultdict

import torch

from train.networks.network import Layer, Network


def shorten(network: Network, longest: float) -> int:
    """Shorten each ΔW to at most ``longest`` (Frobenius); how many of them were longer.

    As in sd-scripts the factor is shared evenly by the weights that make ΔW. The device is waited
    for once, however many layers there are.
    """
    alike: dict[tuple[object, ...], list[Layer]] = defaultdict(list)
    for _, layer in network.layers():
        shapes = (parameter.shape for parameter in layer.parameters())
        alike[(type(layer), *shapes)].append(layer)
    counts = [_shorten(layers, longest) for layers in alike.values()]
    return int(torch.stack(counts).sum()) if counts else 0


def _shorten(layers: list[Layer], longest: float) -> torch.Tensor:
    lengths = type(layers[0]).lengths(layers)
    factors = (longest / lengths).clamp(max=1)
    shares = layers[0].shares
    roots = list((factors ** (1 / len(shares))).unbind())
    for share in shares:
        torch._foreach_mul_([getattr(layer, share).data for layer in layers], roots)
    return (factors < 1).sum()
