"""The frozen parts of a base model, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from train.config import TrainConfig
from train.families import FAMILIES, Facts, Family


@dataclass(frozen=True, slots=True)
class Source:
    """Where a base model lies, and what a person says of it."""

    name: str
    """A diffusers folder, a .safetensors or .ckpt file, or a name on the Hub."""
    vae: str = ""
    """Another VAE: a folder, a file or a name on the Hub."""
    tokenizer: Path | None = None
    """A folder with CLIP's vocab.json and merges.txt."""
    config_dir: Path | None = None
    """A diffusers folder whose configs describe a base in one file."""
    v2: bool | None = None
    """Said by a person; None: told from the files. So are the next two."""
    v_parameterization: bool | None = None
    zero_terminal_snr: bool | None = None


def source_of(config: TrainConfig) -> Source:
    """The base model that a config names."""
    return Source(
        config.pretrained_model_name_or_path,
        config.vae,
        config.tokenizer,
        config.model_config_dir,
        config.v2,
        config.v_parameterization,
        config.zero_terminal_snr,
    )


@dataclass(frozen=True, slots=True)
class TextPart:
    """A text encoder with its tokenizer."""

    encoder: nn.Module
    tokenizer: Any


@dataclass(frozen=True, slots=True)
class Base:
    """The frozen parts of a model that a network is laid on, and what their numbers mean."""

    family: Family
    unet: nn.Module
    texts: tuple[TextPart, ...]
    """One text encoder; SDXL: CLIP ViT-L, then ViT-bigG with its projection."""
    alphas_cumprod: torch.Tensor
    """ᾱ by timestep, (timesteps,), float32; with zero terminal SNR already rescaled."""
    unscaled_alphas: torch.Tensor | None = None
    """ᾱ before it was rescaled, from which sd-scripts weighs; None: it was not."""
    prediction_type: str = "epsilon"
    """What the UNet's output means: ``epsilon`` or ``v_prediction``."""
    zero_terminal_snr: bool = False
    is_768: bool = False
    """SD2 at 768 px: its files are called so."""
    hashes: Mapping[str, str] = field(default_factory=dict)
    """``ss_sd_model_hash`` and ``ss_new_sd_model_hash`` of a base in one file; else empty."""

    @property
    def facts(self) -> Facts:
        """What is fixed for its family."""
        return FAMILIES[self.family]

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.alphas_cumprod.device

    @property
    def dtype(self) -> torch.dtype:
        """The number format of its weights, and so of the forward pass."""
        dtype: torch.dtype = next(self.unet.parameters()).dtype
        return dtype
