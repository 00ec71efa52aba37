"""One batch: what the uses of pictures look like at one step, every draw named by its purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from train import noise, text
from train.config import TrainConfig
from train.data import Use, weight_of
from train.pictures.views import Views


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a run a batch stands."""

    epoch: int
    """From 1."""
    step: int
    """Optimizer steps made before."""
    steps: int
    """Of the whole run."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one batch; the first dimension of each is the picture."""

    latents: torch.Tensor
    """(batch, channels, height/8, width/8), times the scaling factor."""
    noise: torch.Tensor
    input_noise: torch.Tensor
    """What is added to the latents: the noise, perturbed where ip_noise_gamma asks for it."""
    timesteps: torch.Tensor
    """(batch,), whole numbers."""
    sizes: torch.Tensor
    """(batch, 6): height and width of the picture, top and left of the cut, height and width of
    the bucket."""
    weights: torch.Tensor
    """(batch,), how much each picture counts."""
    mask: torch.Tensor | None
    """(batch, 1, height/8, width/8), 0..1; None where everything counts."""
    captions: tuple[str, ...]
    names: tuple[str, ...]


def assemble(
    config: TrainConfig,
    uses: Sequence[Use],
    views: Views,
    place: Place,
    *,
    scaling_factor: float,
    timesteps: int,
) -> Batch:
    """The batch of a step. A picture's draws do not depend on the others or on its place."""
    seen = views.look_many(uses, place.epoch, place.step)
    latents = torch.stack([view.latents for view in seen]) * scaling_factor
    keys = [(place.step, use.item.name, use.repeat) for use in uses]
    drawn = [
        noise.drawn(config, own, config.seed, "noise", *key)
        for own, key in zip(latents, keys, strict=True)
    ]
    low, high = config.min_timestep, min(config.max_timestep, timesteps)
    masks = [view.mask for view in seen]
    return Batch(
        latents,
        torch.stack([pure for pure, _ in drawn]),
        torch.stack([perturbed for _, perturbed in drawn]),
        torch.tensor([noise.timestep(low, high, config.seed, "timestep", *key) for key in keys]),
        torch.tensor(
            [views.sizes(use, view) for use, view in zip(uses, seen, strict=True)],
            dtype=torch.float32,
        ),
        torch.tensor([weight_of(config, use) for use in uses]),
        _stacked(masks, latents),
        tuple(
            text.caption_of(
                use, config.seed, epoch=place.epoch, step=place.step, total_steps=place.steps
            )
            for use in uses
        ),
        tuple(use.item.name for use in uses),
    )


def _stacked(masks: Sequence[torch.Tensor | None], latents: torch.Tensor) -> torch.Tensor | None:
    """The masks of a batch; a picture without one counts everywhere."""
    if all(mask is None for mask in masks):
        return None
    whole = torch.ones(1, *latents.shape[2:])
    return torch.stack([whole if mask is None else mask for mask in masks])
