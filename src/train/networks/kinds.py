"""Kinds of network by name, and how a config makes one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dataprep.errors import UsageError
from train.config import TrainConfig
from train.families import Family
from train.networks import plugin
from train.networks.dora import DoRALayer
from train.networks.dropout import Dropouts
from train.networks.dylora import DyLoRALayer
from train.networks.loha import LoHaLayer
from train.networks.lora import LoRALayer
from train.networks.network import Layer, Network
from train.networks.ranks import ranks
from train.noise import generator
from train.targets import Targets


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of layers, and what its constructor takes beside base, dim, scale and dropouts."""

    layer: Any
    module: str
    """What ``ss_network_module`` says."""
    options: Callable[[TrainConfig], dict[str, Any]] = field(default=lambda config: {})


NETWORKS: dict[str, Kind] = {
    "lora": Kind(LoRALayer, "networks.lora"),
    "locon": Kind(LoRALayer, "networks.lora"),
    "loha": Kind(LoHaLayer, "lycoris.kohya"),
    "dylora": Kind(DyLoRALayer, "networks.dylora", lambda config: {"unit": config.unit}),
    "lycoris": Kind(plugin.LycorisLayer, "lycoris.kohya", plugin.options),
}
DORA = Kind(DoRALayer, "lycoris.kohya")


def kind_of(config: TrainConfig) -> Kind:
    """The kind of network that a config asks for."""
    return DORA if config.dora_wd else NETWORKS[config.network_type]


def files_module(config: TrainConfig) -> str:
    """What ``ss_network_module`` says."""
    return kind_of(config).module


def dropouts_of(config: TrainConfig) -> Dropouts:
    """The dropouts of a run. sd-scripts always strengthens the ranks that stay."""
    for key in ("network_dropout", "rank_dropout", "module_dropout"):
        if getattr(config, key) == 1:
            raise UsageError(f"{key} = 1 leaves nothing to learn", "give a share below 1")
    return Dropouts(
        config.network_dropout,
        config.rank_dropout,
        config.rank_dropout_scale or config.is_kohya,
        config.module_dropout,
    )


def scale_of(config: TrainConfig, dim: int, alpha: float) -> float:
    """alpha / dim, or with ``rs_lora`` alpha / √dim (arXiv 2312.03732)."""
    return alpha / (math.sqrt(dim) if config.rs_lora else dim)


def settings_of(config: TrainConfig) -> dict[str, Any]:
    """What a layer is made with beside its base, its rank and its scale."""
    return {"dropouts": dropouts_of(config), **kind_of(config).options(config)}


def create(config: TrainConfig, targets: Targets, family: Family) -> Network:
    """A new network on ``targets`` whose ΔW is 0, each layer drawn from (seed, its name).

    Raises ``UsageError`` where settings do not fit the base or each other.
    """
    sizes = ranks(config, targets, family)
    kind, settings = kind_of(config), settings_of(config)
    network = Network()
    network.family = family
    for name, (dim, alpha) in sizes.items():
        scale = scale_of(config, dim, alpha)
        try:
            layer: Layer = kind.layer(targets[name].module, dim, scale, **settings)
        except ValueError as error:
            raise UsageError(f"{name}: {error}", "see network_dim, conv_dim and unit") from None
        layer.start(generator(config.seed, "init", name))
        network[name] = layer
    return network
