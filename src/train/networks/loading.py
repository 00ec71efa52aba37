"""Networks from the weights of a file: to draw with, to go on from, or to merge into the base."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch

from dataprep.errors import DataprepError, UsageError
from train.config import TrainConfig
from train.families import FAMILIES, Family
from train.networks.dora import DORA, DoRALayer
from train.networks.kinds import create, kind_of, scale_of, settings_of
from train.networks.loha import W1A, LoHaLayer
from train.networks.lora import DOWN, LoRALayer
from train.networks.network import ALPHA, Layer, Network, Weights
from train.networks.plugin import LycorisLayer
from train.networks.ranks import Size, ranks
from train.targets import Targets

LOADABLE: dict[str, Any] = {DORA: DoRALayer, DOWN: LoRALayer, W1A: LoHaLayer}
"""Kinds of layer by a tensor that only they have; the first that fits counts."""
BY_PACKAGE = ("lokr_w1", "lokr_w1_a", "oft_blocks", "a1.weight")
"""Marks of kinds that the package lycoris-lora reads."""
ELSEWHERE = {"diff": "a full difference", "w_norm": "a norm's difference", "on_input": "(IA)³"}
"""Kinds that are not read, by a tensor of theirs."""


def by_module(weights: Weights) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors of a file by module and by what follows its name, in the file's order."""
    modules: dict[str, dict[str, torch.Tensor]] = defaultdict(dict)
    for key, value in weights.items():
        name, _, suffix = key.partition(".")
        modules[name][suffix] = value
    return dict(modules)


def class_of(tensors: Weights, name: str) -> Any:
    """Which class of layer some tensors are of. Raises ``ValueError`` for one not read here."""
    found = next((layer for mark, layer in LOADABLE.items() if mark in tensors), None)
    if found is None and any(mark in tensors for mark in BY_PACKAGE):
        return LycorisLayer
    if found is not None and DOWN in tensors and W1A in tensors:
        raise ValueError(f"{name} is both a LoRA and a LoHa")
    if found is None:
        kinds = [kind for mark, kind in ELSEWHERE.items() if mark in tensors]
        raise ValueError(
            f"{name} is {kinds[0]}, which is not read"
            if kinds
            else f"{name} fits no layer of this model"
        )
    return found


def layer_of(layer_class: Any, base: Any, tensors: Weights, name: str, **settings: Any) -> Layer:
    """One layer with a file's weights, rank and scale; without alpha in it, alpha = dim.

    Raises ``ValueError`` for missing tensors and for shapes that do not fit the base.
    """
    try:
        layer: Layer = layer_class.of_file(base, tensors, 1.0, **settings)
        layer.scale = float(tensors.get(ALPHA, torch.tensor(float(layer.dim)))) / layer.dim
        layer.read(tensors, name)
    except KeyError as error:
        raise ValueError(f"{name} lacks {error.args[0]}") from None
    unknown = set(tensors) - layer.keys()
    if unknown:
        raise ValueError(f"{name} has {', '.join(sorted(unknown))}, which is not read")
    return layer


def from_weights(targets: Targets, weights: Weights) -> Network:
    """The network that a file's weights describe, in the order of ``targets``.

    Knows LoRA and LoCon (also with ``lora_mid``), LoHa (also with ``hada_t1``) and DoRA, and by the
    package lycoris-lora LoKr, GLoRA, OFT and BOFT; kinds may be mixed. Raises ``ValueError`` naming
    what fits no target or is of another kind, ``DataprepError`` where the package is missing.
    """
    modules = by_module(weights)
    _check_fit(modules, targets)
    network = Network()
    for name, target in targets.items():
        if name in modules:
            tensors = modules[name]
            network[name] = layer_of(class_of(tensors, name), target.module, tensors, name)
    return network


def _check_fit(modules: Mapping[str, Any], targets: Targets) -> None:
    for name in modules:
        if name not in targets:
            raise ValueError(f"{name} fits no layer of this model")


def merge(targets: Targets, weights: Weights, multiplier: float) -> None:
    """Add a file's ΔW ``multiplier`` times to the base's weights, summed up in float32.

    Raises ``DataprepError`` for a file that does not fit.
    """
    try:
        network = from_weights(targets, weights)
    except ValueError as error:
        raise DataprepError(f"base_weights: {error}", "is it a LoRA for this base model?") from None
    for name, layer in network.layers():
        weight = targets[name].module.weight
        moved = weight.detach().float() + multiplier * layer.delta().to(weight.device)
        weight.data.copy_(moved)


def continue_from(
    config: TrainConfig, targets: Targets, family: Family, weights: Weights
) -> Network:
    """A network as ``create`` makes it, whose layers go on from a file where it has them.

    Each ΔW is the file's, whatever alpha or ``rs_lora`` were there. With ``dim_from_weights`` its
    modules, ranks and alphas are the file's as well. Raises ``UsageError`` where file and settings
    do not agree, and ``DataprepError`` for a file that does not fit the base.
    """
    modules = by_module(weights)
    if config.dim_from_weights:
        network = Network()
        network.family = family
        sizes = _sizes_of_file(config, modules, targets, family)
    else:
        network = create(config, targets, family)
        sizes = ranks(config, targets, family)
    for name in modules:
        _check_wanted(name, sizes, targets)
    settings = settings_of(config)
    for name in targets:
        if name in modules:
            size = sizes[name]
            network[name] = _going_on(config, name, modules[name], size, targets, settings)
    return network


def _going_on(
    config: TrainConfig,
    name: str,
    tensors: Weights,
    size: Size,
    targets: Targets,
    settings: Mapping[str, Any],
) -> Layer:
    wanted = kind_of(config).layer
    try:
        found = class_of(tensors, name)
        if not issubclass(wanted, found):
            raise UsageError(
                f"network_weights: {name} is a {found.__name__[:-5]} there, "
                f"and a {wanted.__name__[:-5]} by network_type",
                "set network_type (and dora_wd) to what the file is",
            )
        layer = layer_of(wanted, targets[name].module, tensors, name, **settings)
    except ValueError as error:
        raise DataprepError(
            f"network_weights: {error}", "is it a LoRA for this base model?"
        ) from None
    dim, alpha = size
    if layer.has_rank and layer.dim != dim and not config.dim_from_weights:
        raise UsageError(
            f"network_weights has rank {layer.dim} on {name}, the settings say {dim}",
            "set dim_from_weights = true to take the file's",
        )
    layer.rescale(scale_of(config, dim, alpha))
    return layer


def _check_wanted(name: str, sizes: Mapping[str, Size], targets: Targets) -> None:
    if name in sizes:
        return
    if name in targets:
        raise UsageError(
            f"network_weights learned {name}, which these settings leave out",
            "see network_type, conv_dim and block_dims, or merge the file with base_weights",
        )
    raise UsageError(
        f"network_weights has {name}, which is no part of what is learned",
        "give its text encoder or the UNet a learning rate, or merge the file with base_weights; "
        "else it is a LoRA for another base model",
    )


def _sizes_of_file(
    config: TrainConfig, modules: Mapping[str, Weights], targets: Targets, family: Family
) -> dict[str, Size]:
    """Rank and alpha of the file's modules. A part that is to learn must be among them."""
    parts = {targets[name].part for name in modules if name in targets}
    for part in ("unet", *FAMILIES[family].text_parts):
        if config.rates[part] and part not in parts:
            raise UsageError(
                f"network_weights has nothing on {part}, which has a learning rate",
                "set that rate to 0, or leave out dim_from_weights to begin there anew",
            )
    return {name: _size_of_file(tensors) for name, tensors in modules.items() if name in targets}


def _size_of_file(tensors: Weights) -> Size:
    # LoHa's w1_b and LoRA's down have the rank first; what is neither is refused when it is read
    dim = next((len(tensors[key]) for key in (DOWN, "hada_w1_b") if key in tensors), 1)
    return dim, float(tensors.get(ALPHA, torch.tensor(float(dim))))
