"""One batch: what the uses of pictures look like at one step, every draw named by its purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from train import noise, text
from train.cache import Key, Latents
from train.config import TrainConfig
from train.data import Use
from train.seeds import uniform


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step; the first dimension of each is the picture."""

    latents: torch.Tensor
    """(batch, channels, height/8, width/8), not yet multiplied by the scaling factor."""
    noise: torch.Tensor
    timesteps: torch.Tensor
    """(batch,), whole numbers."""
    captions: tuple[str, ...]
    names: tuple[str, ...]


def assemble(
    config: TrainConfig,
    uses: Sequence[Use],
    cached: Mapping[Key, Latents],
    *,
    epoch: int,
    step: int,
    timesteps: int,
) -> Batch:
    """The batch of a step. A picture's draws do not depend on the others or on its place."""
    seed = config.seed
    rows = []
    for use in uses:
        key = (step, use.item.name, use.repeat)
        flip = config.flip_aug and uniform(seed, "flip", epoch, *key[1:]) < 0.5
        latents = cached[use.item.name, flip].sample(noise.generator(seed, "latents", *key))
        rows.append(
            (
                latents,
                noise.gaussian(
                    tuple(latents.shape), seed, "noise", *key, offset=config.noise_offset
                ),
                noise.timestep(timesteps, seed, "timestep", *key),
                caption(config, use, epoch),
            )
        )
    latents_, noises, drawn, captions = zip(*rows, strict=True)
    return Batch(
        torch.stack(latents_),
        torch.stack(noises),
        torch.tensor(drawn),
        captions,
        tuple(use.item.name for use in uses),
    )


def caption(config: TrainConfig, use: Use, epoch: int) -> str:
    """The caption of one use, varied as the config says."""
    return text.vary(
        use.item.caption,
        config.seed,
        epoch,
        use.item.name,
        use.repeat,
        shuffle=config.shuffle_caption,
        keep_tokens=config.keep_tokens,
        dropout=config.caption_dropout_rate,
        tag_dropout=config.caption_tag_dropout_rate,
        separator=config.keep_tokens_separator,
    )
