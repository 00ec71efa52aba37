"""Noise, and what the forward diffusion makes of it (DDPM, arXiv 2006.11239).

``alphas_cumprod`` is ᾱ, one value per timestep. Latents are (batch, channels, height, width).
"""

from __future__ import annotations

import torch

from train.seeds import Key, stable_seed


def generator(seed: int, *keys: Key) -> torch.Generator:
    """A CPU generator for one purpose: the same on every device and in any order of use."""
    return torch.Generator().manual_seed(stable_seed(seed, *keys))


def gaussian(shape: tuple[int, ...], seed: int, *keys: Key, offset: float = 0.0) -> torch.Tensor:
    """Noise for one picture, (channels, height, width).

    ``offset`` adds a constant of that strength per channel, so that the mean brightness is
    learned too (crosslabs.org, "Diffusion with offset noise").
    """
    source = generator(seed, *keys)
    noise = torch.randn(shape, generator=source)
    if offset:
        noise += offset * torch.randn((shape[0], 1, 1), generator=source)
    return noise


def timestep(count: int, seed: int, *keys: Key) -> int:
    """A timestep in 0..count-1, uniformly."""
    return stable_seed(seed, *keys) % count


def add_noise(
    latents: torch.Tensor, noise: torch.Tensor, alphas_cumprod: torch.Tensor
) -> torch.Tensor:
    """x_t = √ᾱ·x_0 + √(1-ᾱ)·noise; ``alphas_cumprod`` (batch,) is ᾱ at each picture's t."""
    abar = alphas_cumprod.view(-1, 1, 1, 1)
    return abar.sqrt() * latents + (1 - abar).sqrt() * noise


def velocity(
    latents: torch.Tensor, noise: torch.Tensor, alphas_cumprod: torch.Tensor
) -> torch.Tensor:
    """v = √ᾱ·noise - √(1-ᾱ)·x_0, the target of v-prediction (arXiv 2202.00512)."""
    abar = alphas_cumprod.view(-1, 1, 1, 1)
    return abar.sqrt() * noise - (1 - abar).sqrt() * latents


def clean(
    noisy: torch.Tensor, output: torch.Tensor, alphas_cumprod: torch.Tensor, prediction_type: str
) -> tuple[torch.Tensor, torch.Tensor]:
    """(x_0, noise) as a model's ``output`` at x_t implies them; ᾱ broadcasts."""
    root, rest = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
    if prediction_type == "v_prediction":
        return root * noisy - rest * output, rest * noisy + root * output
    return (noisy - rest * output) / root, output
