"""Dropouts whose draws depend on a key and nothing else.

A checkpointed layer is computed twice per step, so what it drops must not come from a generator
that moves on. Numbers are made from key and place by SplitMix64's finalizer (Steele et al. 2014,
"Fast splittable pseudorandom number generators") in whole numbers, where the values lie: equal on
every device, and nothing is copied to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Dropouts:
    """What a network leaves out while it learns, each a share of 0..1."""

    values: float = 0.0
    """Of the values between down and up; those that stay are strengthened (``network_dropout``)."""
    ranks: float = 0.0
    """Of the ranks, for each picture anew (``rank_dropout``)."""
    ranks_scaled: bool = False
    """Strengthen the ranks that stay."""
    modules: float = 0.0
    """Of the modules (``module_dropout``)."""

    @property
    def any(self) -> bool:
        """Whether anything is left out."""
        return bool(self.values or self.ranks or self.modules)


NONE = Dropouts()


def drop(
    values: torch.Tensor, dropouts: Dropouts, value_key: int, rank_key: int, channels: int
) -> torch.Tensor:
    """``values`` with some of them and some of their ``channels`` (an axis) set to 0."""
    if dropouts.values:
        kept = uniforms(value_key, values.shape, values.device) >= dropouts.values
        values = values * kept / (1 - dropouts.values)
    if dropouts.ranks:
        shape = [1] * values.ndim
        shape[0], shape[channels] = values.shape[0], values.shape[channels]
        kept = uniforms(rank_key, shape, values.device) >= dropouts.ranks
        values = values * kept / ((1 - dropouts.ranks) if dropouts.ranks_scaled else 1)
    return values


def uniforms(key: int, shape: torch.Size | list[int], device: torch.device) -> torch.Tensor:
    """Numbers in [0, 1) of 24 bits, float32, in a given shape."""
    z = torch.arange(math.prod(shape), device=device) * _signed(0x9E3779B97F4A7C15) + key
    z = (z ^ _shifted(z, 30)) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ _shifted(z, 27)) * _signed(0x94D049BB133111EB)
    z = z ^ _shifted(z, 31)
    return (_shifted(z, 40).float() / 2**24).view(shape)


def _signed(number: int) -> int:
    """64 bits as torch's whole numbers hold them."""
    return number - (1 << 64) if number >> 63 else number


def _shifted(z: torch.Tensor, bits: int) -> torch.Tensor:
    """To the right without the sign, which torch would draw along."""
    return (z >> bits) & ((1 << (64 - bits)) - 1)
