"""Reading LoRA files: safetensors, and pickles of which nothing but tensors is unpacked."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from dataprep.errors import DataprepError
from dataprep.inference import first_line
from train.lora_file.adapters import ADAPTER_KEY

PICKLES = frozenset({".pt", ".pth", ".ckpt", ".bin"})
ADAPTER_CONFIG = "adapter_config.json"
"""In this peft puts them, beside ``adapter_model.safetensors``."""

Loaded = tuple[dict[str, torch.Tensor], dict[str, str]]


def load(path: Path) -> Loaded:
    """The weights and the metadata of a file, as they stand there.

    ``.pt``, ``.pth``, ``.ckpt`` and ``.bin`` are read if they hold tensors alone: a pickle can
    run any program. Raises ``DataprepError``.
    """
    if not path.is_file():
        raise DataprepError(f"{path}: no such LoRA file")
    weights, about = read_pickle(path) if path.suffix in PICKLES else read_safetensors(path)
    beside = path.parent / ADAPTER_CONFIG
    if path.stem == "adapter_model" and ADAPTER_KEY not in about and beside.is_file():
        about[ADAPTER_KEY] = beside.read_text(encoding="utf-8")
    return weights, about


def read_safetensors(path: Path) -> Loaded:
    """The weights and the metadata of a safetensors file, whatever its name."""
    try:
        with safe_open(path, framework="pt") as opened:
            names = list(opened.keys())
            return {name: opened.get_tensor(name) for name in names}, opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise DataprepError(f"{path}: not a safetensors file ({error})") from None


def read_pickle(path: Path) -> Loaded:
    """The tensors of a pickle; nothing else in it is brought to life."""
    try:
        held: Any = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise DataprepError(
            f"{path}: not read, because it holds more than tensors and could run a program",
            "convert it to .safetensors with the tool that made it",
        ) from None
    except (RuntimeError, EOFError, OSError) as error:
        raise DataprepError(f"{path}: broken ({first_line(error)})") from None
    held = held.get("state_dict", held) if isinstance(held, dict) else held
    if not isinstance(held, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in held.items()
    ):
        raise DataprepError(f"{path}: not a LoRA (tensors by name were expected)")
    return held, {}
