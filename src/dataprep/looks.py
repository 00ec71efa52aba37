"""One look at a picture's pixels: what tells duplicates, blur, darkness and borders.

Measured once by content and remembered; ``check``, ``dedupe`` and the trimming of borders read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.render import flatten
from dataprep.report import Issue
from dataprep.store import LookRow, Picture

VERSION = 1
"""Goes up when anything measured here changes its meaning."""
SIDE = 512
"""Everything is measured on a picture whose longer side is this (pixels), unless it is smaller."""
THUMB = 24
"""Side of the remembered thumbnail (pixels)."""
BATCH = 64


@dataclass(frozen=True, slots=True)
class Measures:
    """What is said of a picture in numbers."""

    sharpness: float
    """Variance of the Laplacian of the luminance (0..255) at ``SIDE``."""
    brightness: float
    """Mean luminance, 0..255."""
    contrast: float
    """Standard deviation of the luminance, 0..127."""
    borders: tuple[int, int, int, int]
    """Widths of uniform borders at the left, top, right and bottom, in the picture's pixels."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a picture."""

    thumb: bytes
    """RGB, 24 × 24 × 3, squashed to the square."""
    measures: Measures


def looks(
    dataset: Dataset, pictures: Sequence[Picture]
) -> Job[tuple[dict[str, Look], list[Issue]]]:
    """Looks by content hash, and why some pictures have none. What is remembered is not redone."""
    known = dataset.store.looks(VERSION)
    todo = list({p.sha: p for p in pictures if p.sha not in known}.values())
    issues: list[Issue] = []
    batch: list[tuple[str, LookRow]] = []

    def work(picture: Picture) -> Look | str:
        try:
            return look(dataset.decode(picture, _small(picture)), (picture.width, picture.height))
        except BadImage as error:
            return error.message

    try:
        with closing(ordered(todo, work, threads(), 2 * threads())) as seen:
            for done, (picture, found) in enumerate(seen, start=1):
                if isinstance(found, str):
                    issues.append(Issue(picture.name, "unreadable", found))
                else:
                    batch.append((picture.sha, _row(found)))
                    known[picture.sha] = batch[-1][1]
                if len(batch) >= BATCH:
                    dataset.store.put_looks(batch)
                    batch = []
                yield Progress(done, len(todo), f"looking at {picture.name}")
    finally:
        dataset.store.put_looks(batch)
    return {p.sha: _look(known[p.sha]) for p in pictures if p.sha in known}, issues


def look(image: Image.Image, full_size: tuple[int, int]) -> Look:
    """Look at an upright picture, perhaps decoded at a fraction of ``full_size``."""
    image = flatten(image)
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    thumb = image.resize((THUMB, THUMB), Image.Resampling.BOX)
    grey = np.asarray(image.convert("L"), np.float32)
    across, down = full_size[0] / image.width, full_size[1] / image.height
    left, top, right, bottom = _borders(np.asarray(image))
    borders = (round(left * across), round(top * down), round(right * across), round(bottom * down))
    measures = Measures(
        sharpness=round(float(_laplacian(grey).var()), 2),
        brightness=round(float(grey.mean()), 2),
        contrast=round(float(grey.std()), 2),
        borders=borders,
    )
    return Look(thumb.tobytes(), measures)


def _small(picture: Picture) -> tuple[int, int]:
    scale = min(1.0, SIDE / max(picture.width, picture.height))
    return max(1, round(picture.width * scale)), max(1, round(picture.height * scale))


def _laplacian(grey: np.ndarray) -> np.ndarray:
    if min(grey.shape) < 3:
        return np.zeros(1, np.float32)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return around - 4 * grey[1:-1, 1:-1]


EVEN = 6
"""Levels by which the pixels of a border may differ."""


def _borders(rgb: np.ndarray) -> tuple[int, int, int, int]:
    """Rows and columns at each side that are all of one colour: left, top, right, bottom."""
    sides = [rgb.swapaxes(0, 1), rgb, rgb[:, ::-1].swapaxes(0, 1), rgb[::-1]]
    left, top, right, bottom = (_even_lines(side) for side in sides)
    if left + right >= rgb.shape[1] or top + bottom >= rgb.shape[0]:
        return 0, 0, 0, 0
    return left, top, right, bottom


def _even_lines(rows: np.ndarray) -> int:
    """How many rows from the first on are of the first pixel's colour."""
    far = np.abs(rows.astype(np.int16) - rows[0, 0].astype(np.int16)).max(axis=(1, 2)) > EVEN
    return int(far.argmax()) if far.any() else len(rows)


def _row(look: Look) -> LookRow:
    return LookRow(VERSION, look.thumb, json.dumps(asdict(look.measures)))


def _look(row: LookRow) -> Look:
    facts = json.loads(row.facts)
    return Look(row.thumb, Measures(**{**facts, "borders": tuple(facts["borders"])}))
