"""Learning rates: a factor for each block of the UNet, and the groups an optimizer is given."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from dataprep.errors import UsageError
from train.config import TrainConfig
from train.families import FAMILIES, Family
from train.networks.network import Network
from train.targets import Targets

CURVES: dict[str, Callable[[float], float]] = {
    "sine": lambda place: math.sin(math.pi * place / 2),
    "cosine": lambda place: math.sin(math.pi * (1 - place) / 2),
    "linear": lambda place: place,
    "reverse_linear": lambda place: 1 - place,
    "zeros": lambda place: 0.0,
}
"""Factors along a list of blocks, from its first (0) to its last (1), as in sd-scripts."""


def block_factors(config: TrainConfig, family: Family) -> tuple[float, ...] | None:
    """A factor of ``unet_lr`` for each block, or None when there are no factors.

    What is not above ``block_lr_zero_threshold`` is 0. Blocks that no list speaks of have 1.
    Raises ``UsageError`` for lists of a wrong length and for unknown curves.
    """
    lists = {
        "down_lr_weight": config.down_lr_weight,
        "mid_lr_weight": config.mid_lr_weight,
        "up_lr_weight": config.up_lr_weight,
    }
    if not any(lists.values()):
        return None
    facts = FAMILIES[family]
    factors: list[float] = []
    for (key, texts), count in zip(lists.items(), facts.curve, strict=True):
        if not texts:
            factors += [1.0] * count
            continue
        given = _factors(key, texts, count, facts.name)
        factors += [value if value > config.block_lr_zero_threshold else 0.0 for value in given]
    # SDXL's first and last entry are for embeddings and output, which no layer lies on
    edges = (facts.blocks - sum(facts.curve)) // 2
    return (1.0,) * edges + tuple(factors) + (1.0,) * edges


def _factors(key: str, texts: tuple[str, ...], count: int, family_name: str) -> list[float]:
    name, _, lift = texts[0].partition("+")
    if len(texts) == 1 and name in CURVES and count > 1:
        curve, height = CURVES[name], _number(lift or "0", key)
        return [curve(place / (count - 1)) + height for place in range(count)]
    values = [_number(text, key) for text in texts]
    if len(values) != count:
        raise UsageError(
            f"{key} has {len(values)} entries; {family_name} needs {count}",
            f"give {count} numbers" + (f", or one of {', '.join(CURVES)}" if count > 1 else ""),
        )
    return values


def _number(text: str, key: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isfinite(value) and value >= 0:
        return value
    raise UsageError(
        f"{key}: {text!r} is neither a factor of a learning rate nor a curve",
        f"give numbers of 0 or more, or one of {', '.join(CURVES)}, as in sine+0.25",
    )


def groups(config: TrainConfig, network: Network, targets: Targets) -> list[dict[str, Any]]:
    """The parameter groups of an optimizer, none of them empty.

    Each has ``name`` ("unet", "text_encoder_2"; with block factors "unet 3" by block; with a "+"
    behind it the parameters that LoRA+ lets learn faster), ``part``, ``params``, and its learning
    rate as ``lr`` and ``base_lr``.
    """
    factors = block_factors(config, network.family)
    made: dict[str, dict[str, Any]] = {}
    for name, layer in network.layers():
        target = targets[name]
        rate, label = config.rates[target.part], target.part
        if factors is not None and target.part == "unet" and target.block is not None:
            rate, label = rate * factors[target.block], f"unet {target.block}"
        ratio = _ratio(config, target.part)
        for parameter_name, parameter in layer.named_parameters():
            is_fast = ratio is not None and parameter_name in layer.fast
            key, lr = (f"{label}+", rate * (ratio or 1)) if is_fast else (label, rate)
            empty = {"name": key, "part": target.part, "params": [], "lr": lr, "base_lr": lr}
            made.setdefault(key, empty)["params"].append(parameter)
    return list(made.values())


def _ratio(config: TrainConfig, part: str) -> float | None:
    own = config.loraplus_unet_lr_ratio if part == "unet" else config.loraplus_text_encoder_lr_ratio
    return config.loraplus_lr_ratio if own is None else own
