"""The LoRA file: kohya's safetensors, what it says about itself, and files of other tools."""

from __future__ import annotations

from train.lora_file.about import CONFIG_KEY, metadata
from train.lora_file.canonical import canonical, read
from train.lora_file.dense import dense
from train.lora_file.reading import load
from train.lora_file.tags import tag_frequency
from train.lora_file.writing import model_hashes, save, write

__all__ = [
    "CONFIG_KEY",
    "canonical",
    "dense",
    "load",
    "metadata",
    "model_hashes",
    "read",
    "save",
    "tag_frequency",
    "write",
]
