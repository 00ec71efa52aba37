"""Base models that lie on this machine, for whoever must choose one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataprep.errors import DataprepError
from dataprep.weights.header import read_header
from dataprep.weights.places import DEMO, hub_cache, hub_snapshot, model_roots

MARK = Path("unet") / "config.json"
"""What a diffusers folder of the families that can be trained has."""
WEIGHTS = ("diffusion_pytorch_model*.safetensors", "diffusion_pytorch_model*.bin")
LATENT_CHANNELS = 4
"""What the UNet of a text-to-image model takes; inpainting and upscaling ones take more."""
FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
"""The UNet's first layer in the original format."""
TEXT_ENCODERS = ("cond_stage_model.", "conditioner.embedders.1.")
"""How names of text encoders begin there: SD1 and SD2, SDXL (its refiner has no second)."""


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One model as it is called and as ``train.toml`` names it."""

    name: str
    value: str
    """A folder, a file, a repository of the hub, or "demo"."""
    where: str
    """Where it lies, in a word or as a path."""


def bases() -> list[BaseModel]:
    """Base models in the folders of our own and in Hugging Face's cache, then the demo's."""
    return [*_own(), *_cached(), BaseModel(DEMO, DEMO, "the embedded sample")]


def _own() -> Iterator[BaseModel]:
    for root in model_roots():
        if root.is_dir():
            for entry in sorted(root.iterdir()):
                yield from _found(entry, root)


def _found(entry: Path, root: Path) -> Iterator[BaseModel]:
    """A base, or those in one file that lie in a folder of their own."""
    if _is_base(entry) or _is_single(entry):
        yield BaseModel(entry.name, str(entry), str(root))
    elif entry.is_dir():
        for path in sorted(entry.glob("*.safetensors")):
            if _is_single(path):
                yield BaseModel(path.name, str(path), str(entry))


def _cached() -> Iterator[BaseModel]:
    cache = hub_cache()
    for folder in sorted(cache.glob("models--*--*")) if cache.is_dir() else []:
        name = folder.name.removeprefix("models--").replace("--", "/", 1)
        snapshot = hub_snapshot(name)
        if snapshot is not None and _is_base(snapshot):
            yield BaseModel(name, name, "Hugging Face")


def _is_base(folder: Path) -> bool:
    """Whether a diffusers folder lies here whole: its config, and weights."""
    unet = folder / "unet"
    return _takes_latents(folder / MARK) and any(
        found.is_file() for pattern in WEIGHTS for found in unet.glob(pattern)
    )


def _takes_latents(config: Path) -> bool:
    try:
        about = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("in_channels", LATENT_CHANNELS) == LATENT_CHANNELS


def _is_single(path: Path) -> bool:
    """Whether a file holds UNet and text encoder in the original format.

    Only its header is read; a .ckpt has none, and is taken where it is named.
    """
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    try:
        shapes = read_header(path).shapes
    except (OSError, DataprepError):
        return False
    first = shapes.get(FIRST_LAYER, ())
    return first[1:2] == (LATENT_CHANNELS,) and any(
        name.startswith(TEXT_ENCODERS) for name in shapes
    )
