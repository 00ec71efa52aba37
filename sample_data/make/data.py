"""The painted pictures the sample models learn from: seeded, painted by two processes, cached.

A cache file is named after the painter's own source, so a changed painter is never mixed
with pictures of the old one. Everything lives outside the repository.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from .painter import Painted, paint
from .world import VOCABULARY, Scene, is_withheld, random_scene, tags, zumi_scene

Bytes = npt.NDArray[np.uint8]
Arrays = dict[str, Bytes]

NAMES: tuple[str, ...] = tuple(tag.name for tag in VOCABULARY)
CACHE = Path(tempfile.gettempdir()) / "lora-dataprep-sample-data"
PROCESSES = 2
VIEW = 160
ZUMI_SHARE = 0.15
# Users' pictures come in all sizes; what matters is the shape, and details finer than a view.
VIEW_SHAPES = ((224, 224), (192, 256), (256, 192), (160, 256), (128, 128), (128, 192), (192, 128))
TRAIN_SEED, HELD_OUT_SEED = 1, 900


@dataclass(frozen=True)
class Pictures:
    """What a corpus holds, row by row; `masks` are the painter's own."""

    images: Bytes
    masks: Bytes
    rows: Bytes


def row_of(names: tuple[str, ...]) -> Bytes:
    """The tags as a 0/1 row in vocabulary order."""
    present = set(names)
    return np.array([name in present for name in NAMES], np.uint8)


def names_of(row: Bytes) -> list[str]:
    """The tags of a 0/1 row."""
    return [name for name, on in zip(NAMES, row, strict=True) if on]


def open_scene(rng: random.Random) -> Scene:
    """Any scene the base model may see: never one that gives zumi away."""
    while True:
        scene = random_scene(rng)
        if not is_withheld(scene):
            return scene


def any_scene(rng: random.Random) -> Scene:
    """A scene for the models that must know zumi's marks when they meet."""
    return zumi_scene(rng) if rng.random() < ZUMI_SHARE else random_scene(rng)


def base_pictures(seed: int, count: int, width: int, height: int, cache: Path = CACHE) -> Pictures:
    """Pictures of one size for the autoencoder and the base model."""
    one = partial(_base_picture, seed=seed, width=width, height=height)
    arrays = _painted(f"base-{seed}-{count}-{width}x{height}", one, count, cache)
    return Pictures(arrays["images"], arrays["masks"], arrays["rows"])


def views(seed: int, count: int, cache: Path = CACHE) -> Arrays:
    """Pictures of many shapes as the tagger sees them (padded) and as rembg does (squashed)."""
    return _painted(f"views-{seed}-{count}", partial(_view, seed=seed), count, cache)


def square_on_white(image: Image.Image) -> Image.Image:
    """Padded to a square with white, as taggers of the WD14 family want it."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def _base_picture(index: int, seed: int, width: int, height: int) -> Arrays:
    scene = open_scene(random.Random(f"base/{seed}/{width}x{height}/{index}"))
    painted = paint(scene, width, height)
    return {
        "images": np.asarray(painted.image),
        "masks": np.asarray(painted.mask),
        "rows": row_of(tags(scene)),
    }


def _view(index: int, seed: int) -> Arrays:
    rng = random.Random(f"view/{seed}/{index}")
    scene = any_scene(rng)
    painted = paint(scene, *rng.choice(VIEW_SHAPES))
    image = _through_jpeg(painted, rng)
    small = (VIEW, VIEW)
    padded = square_on_white(image).resize(small, Image.Resampling.BICUBIC)
    return {
        "padded": np.asarray(padded),
        "squashed": np.asarray(image.resize(small, Image.Resampling.LANCZOS)),
        "masks": np.asarray(painted.mask.resize(small, Image.Resampling.LANCZOS)),
        "rows": row_of(tags(scene)),
    }


def _through_jpeg(painted: Painted, rng: random.Random) -> Image.Image:
    """Half of the pictures of this world were saved as JPEG at some time."""
    if rng.random() < 0.5:
        return painted.image
    file = io.BytesIO()
    painted.image.save(file, "JPEG", quality=rng.randint(45, 95))
    return Image.open(file).convert("RGB")


def _painted(name: str, one: Callable[[int], Arrays], count: int, cache: Path) -> Arrays:
    path = cache / f"{name}-{_painter_version()}.npz"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, **_paint_all(one, count))  # type: ignore[arg-type]
        part.replace(path)
    with np.load(path) as stored:
        return {key: stored[key] for key in stored.files}


def _paint_all(one: Callable[[int], Arrays], count: int) -> Arrays:
    """Rows are written as they come: two copies of a corpus would not fit small machines."""
    arrays: dict[str, Any] = {}
    with multiprocessing.Pool(PROCESSES) as pool:
        for index, row in enumerate(pool.imap(one, range(count), chunksize=64)):
            for key, value in row.items():
                if key not in arrays:
                    arrays[key] = np.empty((count, *value.shape), np.uint8)
                arrays[key][index] = value
    return arrays


def _painter_version() -> str:
    """Changes whenever the world or its painter does."""
    folder = Path(__file__).parent
    parts = ("world", "painter", "backdrop", "body", "head", "palette", "pen")
    source = b"".join((folder / f"{part}.py").read_bytes() for part in parts)
    return hashlib.sha256(source).hexdigest()[:10]
