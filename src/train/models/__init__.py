"""Base models: Stable Diffusion 1, 2 and XL, as a diffusers folder or one file."""

from train.models.base import Base, Source, TextPart, source_of
from train.models.detect import About, detect
from train.models.devices import autocast, explained_memory, pick_device, pick_dtype
from train.models.hashes import file_hashes
from train.models.loading import load, load_vae
from train.models.tokenizers import read_tokenizers

__all__ = [
    "About",
    "Base",
    "Source",
    "TextPart",
    "autocast",
    "detect",
    "explained_memory",
    "file_hashes",
    "load",
    "load_vae",
    "pick_device",
    "pick_dtype",
    "read_tokenizers",
    "source_of",
]
