"""Settings of the network that is learned."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dataprep.settings import Settings
from train.config.kinds import Numbers, Pairs, Rate, Texts, Wholes


class NetworkKeys(Settings):
    """Which network is laid on the base, how large, and what it begins with."""

    network_type: Literal["lora", "locon", "loha", "dylora", "lycoris"] = "lora"
    """The kind of network. locon: a LoRA on the convolutions as well; lycoris: lokr, glora,
    diag-oft or boft of the lycoris-lora package, named in network_args."""
    network_dim: Annotated[int, Field(ge=1)] = 16
    """Rank of the LoRA."""
    network_alpha: Annotated[float, Field(gt=0)] = 16.0
    """The LoRA is scaled by alpha / dim, and with it what a learning rate means."""
    conv_dim: Annotated[int, Field(ge=1)] | None = None
    """Rank on 3×3 convolutions (left out: they are not trained; locon: as network_dim)."""
    conv_alpha: Annotated[float, Field(gt=0)] | None = None
    """Alpha of the convolutions (left out: conv_dim × alpha / dim)."""
    unit: Annotated[int, Field(ge=1)] = 1
    """DyLoRA: ranks that are learned come in steps of this; it divides the ranks."""
    dora_wd: bool = False
    """DoRA: direction and length of each weight are learned apart (arXiv 2402.09353)."""
    rs_lora: bool = False
    """Scale by alpha / √dim instead of alpha / dim (arXiv 2312.03732)."""
    block_dims: Wholes = ()
    """A rank for each UNet block: 12 down, middle, 12 up (SDXL 23: input, 9, 3, 9, output); 0
    leaves a block out."""
    block_alphas: Numbers = ()
    """An alpha for each UNet block (left out: network_alpha)."""
    conv_block_dims: Wholes = ()
    """A rank for the convolutions of each UNet block."""
    conv_block_alphas: Numbers = ()
    """An alpha for the convolutions of each UNet block (left out: conv_alpha)."""
    down_lr_weight: Texts = ()
    """A factor of the learning rate for each down block, 12 (SDXL 9), or a curve: sine, cosine,
    linear, reverse_linear, zeros, with +0.25 to lift it."""
    mid_lr_weight: Texts = ()
    """A factor of the learning rate for the middle block (SDXL: three)."""
    up_lr_weight: Texts = ()
    """A factor of the learning rate for each up block, 12 (SDXL 9), or a curve."""
    block_lr_zero_threshold: Annotated[float, Field(ge=0)] = 0.0
    """Blocks whose factor is not above this are left out."""
    network_dropout: Rate = 0.0
    """Share of the values between down and up that are zeroed at each step."""
    rank_dropout: Rate = 0.0
    """Share of the ranks that are left out at each step."""
    rank_dropout_scale: bool = False
    """Make the remaining ranks stronger by what rank_dropout takes away."""
    module_dropout: Rate = 0.0
    """Share of the modules that are left out at each step."""
    scale_weight_norms: Annotated[float, Field(gt=0)] | None = None
    """Shorten a module whose ΔW is longer than this; 1 is usual, left out: off."""
    network_weights: Path | None = None
    """A LoRA file to go on from."""
    dim_from_weights: bool = False
    """Take ranks and alphas from network_weights."""
    base_weights: Texts = ()
    """LoRA files that are merged into the base model first."""
    base_weights_multiplier: Numbers = ()
    """The strength of each of the base_weights (left out: 1)."""
    network_args: Pairs = ()
    """Arguments of the lycoris-lora package, key=value, such as algo=lokr and factor=8."""
