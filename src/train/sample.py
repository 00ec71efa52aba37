"""From noise to latents: samplers as functions over a model, one yield per step.

A model is ``model(x, timestep) → output``, x of shape (batch, channels, height, width).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch

from train.models.base import Base
from train.noise import clean
from train.text.conditioning import Conditioning, ask

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
    base: Base,
    conditioning: Conditioning,
    unconditional: Conditioning,
    guidance: float,
    sizes: torch.Tensor | None = None,
) -> Model:
    """Classifier-free guidance (arXiv 2207.12598): away from the negative prompt's output.

    ``sizes`` (batch, 6) as ``ask`` takes them; guidance 1 leaves the prompt alone.
    """
    both = _joined(unconditional, conditioning)
    twice = None if sizes is None else torch.cat([sizes, sizes])

    def model(x: torch.Tensor, timestep: int) -> torch.Tensor:
        if guidance == 1:
            return ask(base, x, timestep, conditioning, sizes)
        output = ask(base, torch.cat([x, x]), timestep, both, twice)
        without, with_prompt = output.chunk(2)
        return without + guidance * (with_prompt - without)

    return model


def _joined(first: Conditioning, second: Conditioning) -> Conditioning:
    pooled = None
    if first.pooled is not None and second.pooled is not None:
        pooled = torch.cat([first.pooled, second.pooled])
    return Conditioning(torch.cat([first.hidden, second.hidden]), pooled)


def start(seeds: Sequence[int], shape: tuple[int, int, int]) -> torch.Tensor:
    """Initial noise, (len(seeds), *shape): of each seed alone and on the CPU, so it never changes
    with the batch or the device.
    """
    return torch.stack(
        [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    )
