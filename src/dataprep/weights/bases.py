"""Base models that lie on this machine, for whoever must choose one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dataprep.weights.places import DEMO, hub_cache, hub_snapshot, model_roots

MARK = Path("unet") / "config.json"
"""What a diffusers folder of the family that can be trained has."""
WEIGHTS = ("diffusion_pytorch_model*.safetensors", "diffusion_pytorch_model*.bin")


@dataclass(frozen=True, slots=True)
class BaseModel:
    """One model as it is called and as ``train.toml`` names it."""

    name: str
    value: str
    """A folder, a repository of the hub, or "demo"."""
    where: str
    """Where it lies, in a word or as a path."""


def bases() -> list[BaseModel]:
    """Base models in the folders of our own and in Hugging Face's cache, then the demo's."""
    return [*_own(), *_cached(), BaseModel(DEMO, DEMO, "the embedded sample")]


def _own() -> Iterator[BaseModel]:
    for root in model_roots():
        if root.is_dir():
            for folder in sorted(root.iterdir()):
                if _is_base(folder):
                    yield BaseModel(folder.name, str(folder), str(root))


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
    return (folder / MARK).is_file() and any(
        found.is_file() for pattern in WEIGHTS for found in unet.glob(pattern)
    )
