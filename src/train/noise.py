"""Noise, and what the forward diffusion makes of it (DDPM, arXiv 2006.11239).

``alphas_cumprod`` is ᾱ, one value per timestep. Latents are (batch, channels, height, width) or,
of one picture, (channels, height, width), always times the VAE's scaling factor.
"""

from __future__ import annotations

import torch
from torch.nn.functional import interpolate

from train.config import TrainConfig
from train.seeds import Key, stable_seed, uniform


def generator(seed: int, *keys: Key) -> torch.Generator:
    """A CPU generator for one purpose: the same on every device and in any order of use."""
    return torch.Generator().manual_seed(stable_seed(seed, *keys))


def drawn(
    config: TrainConfig, latents: torch.Tensor, seed: int, *keys: Key
) -> tuple[torch.Tensor, torch.Tensor]:
    """The noise of one picture and the noise its input gets, (channels, height, width) each.

    They are the same tensor unless ``ip_noise_gamma`` perturbs the input. float32, on the CPU.
    Every strength that is random is drawn for the picture; sd-scripts draws one for the batch.
    """
    shape = tuple(latents.shape)
    noise = gaussian(shape, seed, *keys, offset=_offset(config, latents, seed, *keys))
    if config.multires_noise_iterations:
        levels, discount = config.multires_noise_iterations, config.multires_noise_discount
        noise = multires(noise, levels, discount, seed, *keys)
    if not config.ip_noise_gamma:
        return noise, noise
    gamma = config.ip_noise_gamma
    if config.ip_noise_gamma_random_strength:
        gamma *= uniform(seed, *keys, "ip_noise_gamma")
    return noise, noise + gamma * torch.randn(shape, generator=generator(seed, *keys, "ip_noise"))


def gaussian(
    shape: tuple[int, ...], seed: int, *keys: Key, offset: float | torch.Tensor = 0.0
) -> torch.Tensor:
    """Noise for one picture, (channels, height, width).

    ``offset`` adds a constant of that strength per channel, so that the mean brightness is
    learned too (crosslabs.org, "Diffusion with offset noise"); a tensor is (channels, 1, 1).
    """
    source = generator(seed, *keys)
    noise = torch.randn(shape, generator=source)
    if isinstance(offset, torch.Tensor) or offset:
        noise += offset * torch.randn((shape[0], 1, 1), generator=source)
    return noise


def _offset(
    config: TrainConfig, latents: torch.Tensor, seed: int, *keys: Key
) -> float | torch.Tensor:
    """The strength of the noise offset: drawn, and raised by each channel's mean, as asked for."""
    strength = config.noise_offset
    if config.noise_offset_random_strength:
        strength *= uniform(seed, *keys, "noise_offset")
    if config.adaptive_noise_scale is None:
        return strength
    mean = latents.detach().float().cpu().mean((1, 2), keepdim=True).abs()
    return (strength + config.adaptive_noise_scale * mean).clamp(min=0)


def multires(
    noise: torch.Tensor, levels: int, discount: float, seed: int, *keys: Key
) -> torch.Tensor:
    """Noise with coarser noise of ever lower strength added, at unit variance again.

    Level i is 1/rⁱ as large, r between 2 and 4 for each level, enlarged bilinearly and weighted by
    discountⁱ; it ends at a side of one pixel (wandb.ai/johnowhitaker/multires_noise). Divided by
    the picture's own deviation; sd-scripts divides by that of the whole batch, which would make a
    picture's noise depend on its neighbours.
    """
    channels, height, width = noise.shape
    for level in range(levels):
        ratio = (2 + 2 * uniform(seed, *keys, "multires", level)) ** level
        size = max(1, int(height / ratio)), max(1, int(width / ratio))
        source = generator(seed, *keys, "multires noise", level)
        coarse = torch.randn((1, channels, *size), generator=source)
        grown = interpolate(coarse, size=(height, width), mode="bilinear")[0]
        noise = noise + grown * discount**level
        if 1 in size:
            break
    return noise / noise.std()


def timestep(low: int, high: int, seed: int, *keys: Key) -> int:
    """A timestep in low..high-1, uniformly."""
    return low + stable_seed(seed, *keys) % (high - low)


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
    """(x_0, noise) as a model's ``output`` at x_t implies them; ᾱ broadcasts.

    At ᾱ = 0, where x_t is noise alone, velocity still says what x_0 is; predicted noise does not,
    and x_0 is infinite.
    """
    root, rest = alphas_cumprod.sqrt(), (1 - alphas_cumprod).sqrt()
    if prediction_type == "v_prediction":
        return root * noisy - rest * output, rest * noisy + root * output
    return (noisy - rest * output) / root, output
