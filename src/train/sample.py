"""From noise to latents: samplers as functions over a model, one yield per step.

A model is ``model(x, timestep) → output``, x of shape (batch, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from train.noise import clean

Model = Callable[[torch.Tensor, int], torch.Tensor]
Sampler = Callable[[Model, torch.Tensor, Sequence[int], torch.Tensor, str], Iterator[torch.Tensor]]


def spaced_timesteps(steps: int, total: int) -> list[int]:
    """``steps`` timesteps from the noisiest down, evenly apart ("trailing", arXiv 2305.08891).

    Beginning at the very last one matters: the noise that is drawn belongs to it.
    """
    return [round(total - number * total / steps) - 1 for number in range(steps)]


def ddim(
    model: Model,
    x: torch.Tensor,
    timesteps: Sequence[int],
    alphas_cumprod: torch.Tensor,
    prediction_type: str = "epsilon",
) -> Iterator[torch.Tensor]:
    """DDIM with η = 0 (arXiv 2010.02502): yields x after each step, the last without noise."""
    following = [*(alphas_cumprod[t] for t in timesteps[1:]), torch.ones_like(alphas_cumprod[0])]
    for timestep, abar_next in zip(timesteps, following, strict=True):
        output = model(x, timestep)
        x0, noise = clean(x, output, alphas_cumprod[timestep], prediction_type)
        x = abar_next.sqrt() * x0 + (1 - abar_next).sqrt() * noise
        yield x


SAMPLERS: dict[str, Sampler] = {"ddim": ddim}


def guided(
    unet: Any, conditioning: torch.Tensor, unconditional: torch.Tensor, guidance: float
) -> Model:
    """Classifier-free guidance (arXiv 2207.12598): away from the negative prompt's output.

    Both conditionings are (batch, 77, width); guidance 1 leaves the prompt alone.
    """

    def model(x: torch.Tensor, timestep: int) -> torch.Tensor:
        if guidance == 1:
            return unet(x, timestep, encoder_hidden_states=conditioning, return_dict=False)[0]
        both = torch.cat([unconditional, conditioning])
        output = unet(torch.cat([x, x]), timestep, encoder_hidden_states=both, return_dict=False)[0]
        without, with_prompt = output.chunk(2)
        return without + guidance * (with_prompt - without)

    return model


def start(seeds: Sequence[int], shape: tuple[int, int, int]) -> torch.Tensor:
    """Initial noise, (len(seeds), *shape): of each seed alone and on the CPU, so it never changes
    with the batch or the device.
    """
    return torch.stack(
        [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )
