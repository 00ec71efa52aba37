"""Latents of pictures, encoded once: kept in memory for the run and on disk for the next one.

A cached file is named by everything it depends on (the picture's bytes, bucket, mirroring, the
VAE's weights) and is checked when read, so a changed picture or model can never bring back old
latents. The VAE gives a normal distribution per value; mean and standard deviation are kept and
each use draws its own sample, as the base model was trained.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as deserialize
from safetensors.torch import save as serialize
from torch import nn

from dataprep import files
from dataprep.buckets import Bucket, plan_batches
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from train.config import LATENT_PIXELS
from train.data.item import Item
from train.pictures.encoding import Encoder, Latents
from train.pictures.pixels import Pixels, centred, cut_out, picture_of, to_tensor

FOLDER = ".latents"
"""Beside ``train_data_dir``, where kohya's tools do not look."""
STAGE = "latents"
Key = tuple[str, bool]
"""(item name, mirrored)."""


@dataclass(frozen=True, slots=True)
class _Todo:
    item: Item
    mirrored: bool
    path: Path
    """Where it belongs on disk."""


def prepare(
    encoder: Encoder,
    items: Sequence[Item],
    folder: Path,
    *,
    keep: bool,
    stop: Callable[[], bool] = lambda: False,
) -> Job[tuple[dict[Key, Latents], list[Issue]]]:
    """Latents of every item, and of those that are mirrored both: from ``folder``, else made.

    A picture that cannot be decoded, or whose latents are not finite, becomes an issue. When
    ``stop`` says yes the rest is left out; what is on disk by then serves the next run.
    """
    vae_hash = weights_hash(encoder.vae)
    if keep:
        _make_folder(folder)
    found: dict[Key, Latents] = {}
    issues: list[Issue] = []
    todo: list[_Todo] = []
    for number, item in enumerate(items):
        yield Progress(number, len(items), "looking for cached latents", stage=STAGE)
        if stop():
            return found, issues
        try:
            forms = _forms(item, folder, vae_hash)
        except OSError as error:
            issues.append(_unreadable(item, error))
            continue
        for entry in forms:
            latents = read(entry.path, item.bucket) if keep else None
            if latents is None:
                todo.append(entry)
            else:
                found[item.name, entry.mirrored] = latents
    done = 0
    with closing(_decoded(todo, encoder.at_once)) as batches:
        for batch in batches:
            yield Progress(done, len(todo), "encoding pictures", stage=STAGE)
            if stop():
                return found, issues
            done += len(batch)
            for entry, latents in _usable(encoder, batch, issues):
                found[entry.item.name, entry.mirrored] = latents
                if keep:
                    write(entry.path, latents)
    encoder.tell()
    yield Progress(done, len(todo), f"{len(found)} latents ready", stage=STAGE)
    return found, issues


def _forms(item: Item, folder: Path, vae_hash: str) -> list[_Todo]:
    """The item as it is, and mirrored where that is asked for, with their places on disk."""
    digest = files.content_hash(item.path)
    return [
        _Todo(item, flip, folder / _file_name(digest, item, flip, vae_hash))
        for flip in ((False, True) if item.augment.flip else (False,))
    ]


def _make_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)


_Read = tuple[_Todo, "Pixels | Issue"]


def _decoded(todo: Sequence[_Todo], size: int) -> Generator[list[_Read], None, None]:
    """The pictures in batches of one bucket; threads decode a few ahead."""
    batches = plan_batches(((entry.item.bucket, entry) for entry in todo), size)
    in_order = [entry for batch in batches for entry in batch]
    workers = threads()
    with closing(ordered(in_order, lambda entry: _pixels(entry.item), workers, workers)) as reads:
        for batch in batches:
            yield [next(reads) for _ in batch]


def _pixels(item: Item) -> Pixels | Issue:
    try:
        return cut_out(picture_of(item), centred(item))
    except (BadImage, OSError) as error:
        return _unreadable(item, error)


def _unreadable(item: Item, error: BadImage | OSError) -> Issue:
    reason = error.message if isinstance(error, BadImage) else f"cannot be read ({error.strerror})"
    return Issue(item.name, "bad-image", reason)


def _usable(
    encoder: Encoder, batch: Sequence[_Read], issues: list[Issue]
) -> Iterator[tuple[_Todo, Latents]]:
    usable: list[tuple[_Todo, Pixels]] = []
    for entry, read_ in batch:
        if isinstance(read_, Issue):
            _note(issues, read_)
        else:
            usable.append((entry, read_))
    if not usable:
        return
    images = torch.stack([to_tensor(pixels, entry.mirrored) for entry, pixels in usable])
    encoded = encoder.encode(images, [entry.item.name for entry, _ in usable])
    for (entry, _), latents in zip(usable, encoded, strict=True):
        if latents.is_finite:
            yield entry, latents
        else:
            _note(issues, not_finite(entry.item))


def _note(issues: list[Issue], issue: Issue) -> None:
    """One issue a picture, though it is encoded twice."""
    if not any(known.file == issue.file for known in issues):
        issues.append(issue)


def not_finite(item: Item) -> Issue:
    """What is said of a picture that the VAE cannot encode."""
    return Issue(item.name, "bad-latents", "the VAE gives values that are not finite numbers")


def weights_hash(module: nn.Module) -> str:
    """A digest of all weights of a module, 16 hex digits."""
    digest = hashlib.blake2b(digest_size=8)
    for name, value in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _file_name(digest: str, item: Item, mirrored: bool, vae_hash: str) -> str:
    # the colours behind an alpha mask are seen; behind other transparency is white
    marks = ("_opaque" if item.alpha_mask else "") + ("_mirrored" if mirrored else "")
    width, height = item.bucket
    return f"{digest[:32]}_{width}x{height}{marks}_{vae_hash}.safetensors"


def read(path: Path, bucket: Bucket) -> Latents | None:
    """The latents in a cache file; None when it is missing, damaged or of another shape."""
    try:
        stored = deserialize(path.read_bytes())
        latents = Latents(stored["mean"], stored["std"])
    except (OSError, SafetensorError, KeyError):
        return None
    shape = (bucket[1] // LATENT_PIXELS, bucket[0] // LATENT_PIXELS)
    fits = latents.mean.shape[1:] == latents.std.shape[1:] == shape
    return latents if fits and latents.is_finite else None


def write(path: Path, latents: Latents) -> None:
    """Write a cache file whole or not at all."""
    tensors = {"mean": latents.mean.contiguous(), "std": latents.std.contiguous()}
    files.write_bytes(path, serialize(tensors))
