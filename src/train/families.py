"""The families of base models, and what differs between them for whoever writes files. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["sd1", "sd2", "sdxl"]
LATENT_PIXELS = 8
"""Pixels per latent in each direction: the downscaling of the VAE of all of them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is fixed for a family."""

    name: str
    """As a person calls it."""
    text_prefixes: tuple[str, ...]
    """How names of LoRA modules on each text encoder begin."""
    text_parts: tuple[str, ...]
    """The text encoders, as parts that have a learning rate."""
    blocks: int
    """Entries of ``block_dims``: down, middle and up (SDXL: input, 9, 3, 9 and output)."""
    curve: tuple[int, int, int]
    """Entries of ``down_lr_weight``, ``mid_lr_weight`` and ``up_lr_weight``."""
    scaling_factor: float
    """What latents of its VAE are multiplied by."""


FAMILIES: dict[Family, Facts] = {
    "sd1": Facts("Stable Diffusion 1", ("lora_te",), ("text_encoder",), 25, (12, 1, 12), 0.18215),
    "sd2": Facts("Stable Diffusion 2", ("lora_te",), ("text_encoder",), 25, (12, 1, 12), 0.18215),
    "sdxl": Facts(
        "Stable Diffusion XL",
        ("lora_te1", "lora_te2"),
        ("text_encoder", "text_encoder_2"),
        23,
        (9, 3, 9),
        0.13025,
    ),
}
