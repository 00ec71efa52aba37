"""Networks far from their start, on the tiny base models; and ways to compare what they add."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tiny_base
import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from lycoris.modules.locon import LoConModule
from torch import nn

from train import names, networks
from train.families import Family
from train.models.base import Base, TextPart
from train.networks.network import Network
from train.targets import Target

PIPELINES: dict[Family, Any] = {
    "sd1": StableDiffusionPipeline,
    "sd2": StableDiffusionPipeline,
    "sdxl": StableDiffusionXLPipeline,
}
FAMILIES: tuple[Family, ...] = ("sd1", "sd2", "sdxl")
KINDS: dict[str, dict[str, Any]] = {
    "lora": {},
    "locon": {"network_type": "locon", "conv_dim": 3, "conv_alpha": 1.5},
    "loha": {"network_type": "loha", "conv_dim": 2},
    "dylora": {"network_type": "dylora", "unit": 2},
    "dora": {"dora_wd": True, "conv_dim": 2},
    "rs_lora": {"rs_lora": True},
}
"""A config of each kind of network."""


def base_of(pipeline: Any, family: Family) -> Base:
    """The parts of a pipeline as our own base."""
    encoders = [pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)]
    texts = tuple(TextPart(encoder, None) for encoder in encoders if encoder is not None)
    pipeline.unet.requires_grad_(False)
    return Base(family, pipeline.unet, texts, torch.ones(1))


def strong(module: nn.Module, std: float = 0.2) -> nn.Module:
    """Move what learns far from its start, the same way each time."""
    source = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.requires_grad:
                parameter.add_(std * torch.randn(parameter.shape, generator=source))
    return module


def network_on(base: Base, root: Path, **values: Any) -> tuple[Network, dict[str, Target]]:
    """A strong network of a config's kind, and what it lies on."""
    config = tiny_base.config(root / "base", root, **values)
    targets = names.targets(base, convs=networks.needs_convs(config))
    network = networks.create(config, targets, base.family)
    strong(network)
    return network, targets


def close(one: torch.Tensor, other: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Compare ΔW, the distance measured by its length."""
    assert (one - other).norm() <= tolerance * other.norm()
    assert other.norm() > 0


def of_lycoris(module: Any) -> torch.Tensor:
    """A module's ΔW: LyCORIS scales LoHa and LoKr twice when asked for the difference."""
    if isinstance(module, LoConModule):
        return module.get_diff_weight()[0].detach()
    return module.get_weight(module.shape).detach()
