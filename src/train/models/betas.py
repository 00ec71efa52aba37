"""The noise schedule of a base: ᾱ by timestep (DDPM, arXiv 2006.11239)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

SCHEDULE = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "trained_betas": None,
}
"""Of all Stable Diffusion models; a scheduler's config may say otherwise."""


def alphas_cumprod(scheduler: Mapping[str, Any], zero_terminal_snr: bool) -> torch.Tensor:
    """ᾱ by timestep out of a diffusers scheduler's config: (timesteps,), float32."""
    from diffusers import DDPMScheduler

    said = {key: scheduler.get(key, value) for key, value in SCHEDULE.items()}
    alphas: torch.Tensor = DDPMScheduler(**said).alphas_cumprod.float()
    return zero_terminal(alphas) if zero_terminal_snr else alphas


def zero_terminal(alphas: torch.Tensor) -> torch.Tensor:
    """ᾱ with √ᾱ shifted and stretched: its last is 0, its first unchanged.

    "Common Diffusion Noise Schedules and Sample Steps are Flawed" (arXiv 2305.08891, algorithm 1).
    """
    root = alphas.double().sqrt()
    moved = (root - root[-1]) * (root[0] / (root[0] - root[-1]))
    return moved.square().to(alphas.dtype)
