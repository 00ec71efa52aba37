"""Holding a written file against the network it came from, module by module.

ΔW is rebuilt from the file alone and compared entry by entry with what the layer says of itself.
How far apart they may be follows from the number format: each stored tensor t is off by at most
d(t), and ΔW is a sum of products without a minus sign, so it is off by at most
f(|t| + d) − f(|t|).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from dataprep.errors import DataprepError
from train.lora_file.dense import DORA, dense, fitted, is_known, norms, product
from train.networks.network import Layer, Network
from train.targets import Targets

EXACT = 1e-4
"""Share of |f| that sums of float32 products may differ by when added up in another order."""
EXACT_ON_GPU = 5e-3
"""There products may have been rounded to TF32, eleven bits."""
SUBNORMAL = {torch.float32: 0.0, torch.float16: 2.0**-24, torch.bfloat16: 2.0**-133}
"""The finest step near zero: below it there is no relative precision left."""

Tensors = dict[str, torch.Tensor]


def check(
    path: Path,
    stored: Mapping[str, torch.Tensor],
    meant: Mapping[str, torch.Tensor],
    network: Network,
    targets: Targets,
) -> None:
    """Raise ``DataprepError`` naming the first module whose ΔW the file does not give back.

    ``stored`` was read from the file, ``meant`` is what was to be written, by the same keys.
    """
    modules = _by_module(stored)
    for name, layer in network.layers():
        wanted = {key for key in meant if key.startswith(f"{name}.")}
        tensors = modules.get(name, {})
        if {f"{name}.{suffix}" for suffix in tensors} != wanted:
            raise _broken(path, name, "its tensors are not all there")
        if not all(_is_rounded(stored[key], meant[key]) for key in wanted):
            raise _broken(path, name, "a tensor is not the one that was learned, or is not finite")
        if is_known(tensors) and not _gives_back(name, tensors, layer, targets):
            raise _broken(path, name, "ΔW out of the file is not what the layer adds")


def _broken(path: Path, name: str, what: str) -> DataprepError:
    return DataprepError(
        f"{path}: not written: {name}: {what}",
        'save_precision = "float" rules out an overflow; if it stays, this is a fault of ours',
    )


def _by_module(weights: Mapping[str, torch.Tensor]) -> dict[str, Tensors]:
    found: dict[str, Tensors] = {}
    for key, value in weights.items():
        name, _, suffix = key.partition(".")
        found.setdefault(name, {})[suffix] = value
    return found


def _is_rounded(stored: torch.Tensor, meant: torch.Tensor) -> bool:
    """Whether a tensor is the other one in its own number format, and finite."""
    same = torch.equal(stored, meant.detach().to("cpu", stored.dtype))
    return same and bool(stored.isfinite().all())


def _gives_back(name: str, tensors: Tensors, layer: Layer, targets: Targets) -> bool:
    with torch.no_grad():
        own = layer.delta().detach().float()
        weight = targets[name].module.weight.detach().to(own.device)
        there = {key: value.to(own.device) for key, value in tensors.items()}
        keyed = {f"{name}.{suffix}": value for suffix, value in there.items()}
        apart = (dense(keyed, name, weight).reshape(weight.shape) - own.reshape(weight.shape)).abs()
        # a comparison with a number that is not finite is False as well
        return bool((apart <= _bound(name, there, weight)).all())


def _bound(name: str, tensors: Tensors, weight: torch.Tensor) -> torch.Tensor:
    """How far ΔW may be off in each entry, in the shape of the weight."""
    apart = EXACT if weight.device.type == "cpu" else EXACT_ON_GPU
    high = {key: value.float().abs() for key, value in tensors.items()}
    higher = {key: value + _off(tensors[key]) for key, value in high.items()}
    size = product(high, name).reshape(weight.shape)
    bound = product(higher, name).reshape(weight.shape) - size + apart * size
    if DORA not in tensors:
        return bound
    return _lengthened(name, tensors, weight, bound, apart)


def _off(value: torch.Tensor) -> torch.Tensor:
    """How far a stored number may be from the one that it was rounded from: half a step."""
    step = value.float().abs() * torch.finfo(value.dtype).eps
    return (step + SUBNORMAL[value.dtype]) / 2


def _lengthened(
    name: str, tensors: Tensors, weight: torch.Tensor, bound: torch.Tensor, apart: float
) -> torch.Tensor:
    """The bound of W' = m·V/‖V‖: what V, its length and m are off by, each in first order."""
    moved = weight.float() + product(
        {key: value.float() for key, value in tensors.items()}, name
    ).reshape(weight.shape)
    lengths = fitted(tensors[DORA].float(), moved)
    short = norms(moved, lengths)
    factor = lengths.abs() / short
    of_length = fitted(_off(tensors[DORA]), moved) / short + factor * norms(bound, lengths) / short
    return factor * bound + moved.abs() * (of_length + apart * (1 + factor))
