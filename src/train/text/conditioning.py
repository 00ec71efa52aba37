"""What the UNet is conditioned on, and asking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from train.models.base import Base


@dataclass(frozen=True, slots=True)
class Conditioning:
    """Captions as the UNet sees them."""

    hidden: torch.Tensor
    """(batch, tokens, width); SDXL: both encoders side by side."""
    pooled: torch.Tensor | None = None
    """(batch, width), SDXL only: the second encoder's projection of the whole caption."""


def ask(
    base: Base,
    noisy: torch.Tensor,
    timesteps: torch.Tensor | int,
    conditioning: Conditioning,
    sizes: torch.Tensor | None = None,
) -> torch.Tensor:
    """The UNet's answer for noisy latents (batch, channels, height, width).

    ``sizes`` (batch, 6), SDXL only: height and width of the picture, top and left of the cut,
    height and width of the bucket (arXiv 2307.01952, §2.2).
    """
    added: dict[str, Any] = {}
    if base.family == "sdxl":
        added = {"added_cond_kwargs": {"text_embeds": conditioning.pooled, "time_ids": sizes}}
    answer: torch.Tensor = base.unet(
        noisy, timesteps, encoder_hidden_states=conditioning.hidden, return_dict=False, **added
    )[0]
    return answer
