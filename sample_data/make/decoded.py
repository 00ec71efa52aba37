"""Pictures as the demo base would have drawn them, for the tagger: through its autoencoder.

A tagger that has only seen clean paintings is shaken by what a small decoder makes of them, and
it is the tagger that later says whether a LoRA learned.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import data
from .painter import paint
from .train_autoencoder import SCALING, encoded, load, standardized
from .world import tags

BATCH = 32
# The share of a latent's deviation that sampling may leave wrong.
UNSURE = 0.25


def decoded_views(count: int, cache: Path = data.CACHE) -> data.Arrays:
    """Square views of pictures that went through shaken latents, and their tags."""
    path = cache / f"decoded-{count}.npz"
    if not path.exists():
        views, rows = _made(count, cache)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, padded=views, rows=rows)
        part.replace(path)
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}


@torch.no_grad()
def _made(count: int, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    scenes = [data.any_scene(random.Random(f"decoded/{index}")) for index in range(count)]
    paintings = np.stack([np.asarray(paint(scene, 128, 128).image) for scene in scenes])
    vae = standardized(load(cache), paintings[:256])
    generator = torch.Generator().manual_seed(11)
    views = []
    for at in range(0, count, BATCH):
        latents = encoded(vae, paintings[at : at + BATCH])
        much = torch.rand(len(latents), 1, 1, 1, generator=generator) * UNSURE / SCALING
        latents += torch.randn(latents.shape, generator=generator) * much
        views += [_view(picture) for picture in vae.decode(latents).sample]
    return np.stack(views), np.stack([data.row_of(tags(scene)) for scene in scenes])


def _view(picture: torch.Tensor) -> np.ndarray:
    pixels = ((picture.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    size = (data.VIEW, data.VIEW)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))
