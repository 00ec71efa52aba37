"""A layer of the base that a network can lie on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Target:
    """One Linear or Conv2d of the base, by the name that files call it."""

    name: str
    """kohya's name, such as ``lora_unet_down_blocks_0_attentions_0_proj_in``."""
    module: nn.Linear | nn.Conv2d
    part: str
    """``unet``, ``text_encoder`` or ``text_encoder_2``."""
    block: int | None = None
    """Its place in ``block_dims``; None on text encoders."""
    as_conv: bool = False
    """A Linear here that files hold as 1×1 convolution (SD2's proj_in and proj_out)."""

    @property
    def is_conv3(self) -> bool:
        """A convolution with a kernel beyond 1×1: it takes ``conv_dim``."""
        return isinstance(self.module, nn.Conv2d) and self.module.kernel_size != (1, 1)


Targets = Mapping[str, Target]
"""By name, in the order of the base."""
