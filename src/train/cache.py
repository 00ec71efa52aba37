"""Latents of pictures, encoded once: kept in memory for the run and on disk for the next one.

A cached file is named by everything it depends on (the picture's bytes, bucket, mirroring, the
VAE's weights) and is checked when read, so a changed picture or model can never bring back old
latents. The VAE gives a normal distribution per value; mean and standard deviation are kept and
each use draws its own sample, as the base model was trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import nn

from dataprep import files
from dataprep.buckets import Bucket, cover, plan_batches
from dataprep.images import BadImage, decode
from dataprep.jobs import Job, Progress
from dataprep.render import flatten
from dataprep.report import Issue
from train.config import LATENT_PIXELS
from train.data import Item

FOLDER = ".latents"
"""Beside ``train_data_dir``, where kohya's tools do not look."""
ENCODE_BATCH = 4
STAGE = "latents"


@dataclass(frozen=True, slots=True)
class Latents:
    """The VAE's distribution for one picture: each (channels, height/8, width/8), float16."""

    mean: torch.Tensor
    std: torch.Tensor

    def sample(self, source: torch.Generator) -> torch.Tensor:
        """One draw, float32, not yet multiplied by the scaling factor."""
        noise = torch.randn(self.mean.shape, generator=source)
        return self.mean.float() + self.std.float() * noise


Key = tuple[str, bool]
"""(item name, mirrored)."""


@dataclass(frozen=True, slots=True)
class _Todo:
    item: Item
    mirrored: bool
    path: Path
    """Where it belongs on disk."""


def prepare(
    vae: nn.Module,
    items: Sequence[Item],
    folder: Path,
    *,
    mirrored: bool,
    keep: bool,
    stop: Callable[[], bool] = lambda: False,
) -> Job[tuple[dict[Key, Latents], list[Issue]]]:
    """Latents of every item, from ``folder`` where they are valid, else newly encoded.

    A picture that cannot be decoded, or whose latents are not finite, becomes an issue. When
    ``stop`` says yes the rest is left out; what is on disk by then serves the next run.
    """
    vae_hash = weights_hash(vae)
    if keep:
        _make_folder(folder)
    found: dict[Key, Latents] = {}
    issues: list[Issue] = []
    todo: list[_Todo] = []
    for number, item in enumerate(items):
        yield Progress(number, len(items), "looking for cached latents", stage=STAGE)
        if stop():
            return found, issues
        for entry in _forms(item, folder, vae_hash, mirrored):
            latents = read(entry.path, item.bucket) if keep else None
            if latents is None:
                todo.append(entry)
            else:
                found[item.name, entry.mirrored] = latents
    done = 0
    for batch in plan_batches(((entry.item.bucket, entry) for entry in todo), ENCODE_BATCH):
        yield Progress(done, len(todo), "encoding pictures", stage=STAGE)
        if stop():
            return found, issues
        done += len(batch)
        for entry, latents in _encode_usable(vae, batch, issues):
            found[entry.item.name, entry.mirrored] = latents
            if keep:
                write(entry.path, latents)
    yield Progress(done, len(todo), f"{len(found)} latents ready", stage=STAGE)
    return found, issues


def _forms(item: Item, folder: Path, vae_hash: str, mirrored: bool) -> list[_Todo]:
    """The item as it is, and mirrored where that is asked for, with their places on disk."""
    digest = files.content_hash(item.path)
    return [
        _Todo(item, flip, folder / _file_name(digest, item.bucket, flip, vae_hash))
        for flip in ((False, True) if mirrored else (False,))
    ]


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)


def _encode_usable(
    vae: nn.Module, batch: Sequence[_Todo], issues: list[Issue]
) -> Iterator[tuple[_Todo, Latents]]:
    usable: list[tuple[_Todo, torch.Tensor]] = []
    for entry in batch:
        try:
            usable.append((entry, pixels(entry.item.path, entry.item.bucket, entry.mirrored)))
        except (BadImage, OSError) as error:
            reason = error.message if isinstance(error, BadImage) else f"cannot be read ({error})"
            if not any(issue.file == entry.item.name for issue in issues):
                issues.append(Issue(entry.item.name, "bad-image", reason))
    if not usable:
        return
    encoded = encode(vae, torch.stack([image for _, image in usable]))
    for (entry, _), latents in zip(usable, encoded, strict=True):
        if is_finite(latents):
            yield entry, latents
        else:
            reason = "the VAE gives values that are not finite numbers"
            issues.append(Issue(entry.item.name, "bad-latents", reason))


def pixels(path: Path, bucket: Bucket, mirrored: bool = False) -> torch.Tensor:
    """A picture cut to its bucket, (3, height, width) in -1..1. Raises ``BadImage``.

    Transparency is laid on white.
    """
    image = flatten(decode(path, at_least=bucket))
    width, height, left, top = cover(*image.size, bucket)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    image = image.crop((left, top, left + bucket[0], top + bucket[1]))
    array = np.asarray(image, dtype=np.float32) / 127.5 - 1
    if mirrored:
        array = array[:, ::-1]
    return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))


def encode(vae: Any, images: torch.Tensor) -> list[Latents]:
    """Latents of a batch (batch, 3, height, width)."""
    device = next(vae.parameters()).device
    with torch.no_grad():
        spread = vae.encode(images.to(device)).latent_dist
    means, stds = spread.mean.half().cpu(), spread.std.half().cpu()
    return [Latents(mean, std) for mean, std in zip(means, stds, strict=True)]


def is_finite(latents: Latents) -> bool:
    """False when a value is NaN or beyond float16."""
    return bool(latents.mean.isfinite().all() and latents.std.isfinite().all())


def weights_hash(module: nn.Module) -> str:
    """A digest of all weights of a module, 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _file_name(digest: str, bucket: Bucket, mirrored: bool, vae_hash: str) -> str:
    mark = "_mirrored" if mirrored else ""
    return f"{digest[:32]}_{bucket[0]}x{bucket[1]}{mark}_{vae_hash}.safetensors"


def read(path: Path, bucket: Bucket) -> Latents | None:
    """The latents in a cache file; None when it is missing, damaged or of another shape."""
    try:
        stored = deserialize(path.read_bytes())
        latents = Latents(stored["mean"], stored["std"])
    except (OSError, SafetensorError, KeyError):
        return None
    shape = (bucket[1] // LATENT_PIXELS, bucket[0] // LATENT_PIXELS)
    fits = latents.mean.shape[1:] == latents.std.shape[1:] == shape
    return latents if fits and is_finite(latents) else None


def write(path: Path, latents: Latents) -> None:
    """Write a cache file whole or not at all."""
    tensors = {"mean": latents.mean.contiguous(), "std": latents.std.contiguous()}
    files.write_bytes(path, serialize(tensors))
