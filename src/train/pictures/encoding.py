"""Pictures through the VAE: the distribution it gives for each.

The VAE of SDXL overflows in fp16 on some pictures. That is noticed picture by picture, and those
are encoded again in float32.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

log = logging.getLogger("train")


@dataclass(frozen=True, slots=True)
class Latents:
    """The VAE's distribution for one picture: each (channels, height/8, width/8), float16."""

    mean: torch.Tensor
    std: torch.Tensor

    @property
    def is_finite(self) -> bool:
        """False when a value is NaN or beyond float16."""
        return bool(self.mean.isfinite().all() and self.std.isfinite().all())

    def sample(self, source: torch.Generator) -> torch.Tensor:
        """One draw, float32, not yet multiplied by the scaling factor."""
        noise = torch.randn(self.mean.shape, generator=source)
        return self.mean.float() + self.std.float() * noise


class Encoder:
    """A VAE that encodes so many pictures at once, in its own number format where that does."""

    def __init__(self, vae: nn.Module, at_once: int = 4) -> None:
        self.vae = vae
        self.at_once = at_once
        self.redone: dict[str, None] = {}
        """Names of pictures that were encoded again in float32, in their order."""
        self._told: set[str] = set()
        self._precise: nn.Module | None = None

    def encode(self, images: torch.Tensor, names: Sequence[str]) -> list[Latents]:
        """Latents of pictures (batch, 3, height, width), -1..1, by the names they have."""
        found = [
            latents
            for begin in range(0, len(images), self.at_once)
            for latents in _encoded(self.vae, images[begin : begin + self.at_once])
        ]
        if next(self.vae.parameters()).dtype == torch.float32:
            return found
        for place, latents in enumerate(found):
            if not latents.is_finite:
                found[place] = self._again(images[place : place + 1], names[place])
        return found

    def _again(self, image: torch.Tensor, name: str) -> Latents:
        if self._precise is None:
            self._precise = copy.deepcopy(self.vae).float()
        self.redone[name] = None
        return _encoded(self._precise, image)[0]

    def tell(self) -> None:
        """Say which pictures had to be encoded again, once for each."""
        fresh = [name for name in self.redone if name not in self._told]
        self._told.update(fresh)
        if fresh:
            log.warning(
                "encoded in float32, since the VAE overflows in half precision (%d): %s%s",
                *(len(fresh), ", ".join(fresh[:5]), ", …" if len(fresh) > 5 else ""),
            )


def _encoded(vae: Any, images: torch.Tensor) -> list[Latents]:
    weight = next(vae.parameters())
    with torch.no_grad():
        spread = vae.encode(images.to(weight.device, weight.dtype)).latent_dist
    means, stds = spread.mean.half().cpu(), spread.std.half().cpu()
    return [Latents(mean, std) for mean, std in zip(means, stds, strict=True)]
