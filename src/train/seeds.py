"""Randomness as a function: a draw depends on the seed and on what it is for, nothing else.

So a picture sees the same noise in whatever batch it sits, and a run can be taken up again in
the middle. No torch here; ``noise.generator`` is the same for tensors.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TypeVar

Key = str | int
T = TypeVar("T")

BITS = 63


def stable_seed(seed: int, *keys: Key) -> int:
    """A whole number below 2**63 from a seed and the purpose of the draw, equal everywhere."""
    text = "\x1f".join(f"{type(key).__name__}:{key}" for key in (seed, *keys))
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big") >> (64 - BITS)


def uniform(seed: int, *keys: Key) -> float:
    """A number in [0, 1)."""
    # a float holds 53 bits; more of them could round up to 1.0
    return (stable_seed(seed, *keys) >> (BITS - 53)) / 2**53


def shuffled(items: Iterable[T], seed: int, *keys: Key) -> list[T]:
    """The items in an order drawn for ``keys``."""
    ranked = [(stable_seed(seed, *keys, place), place, item) for place, item in enumerate(items)]
    return [item for _, _, item in sorted(ranked, key=lambda row: row[:2])]
