"""One look at a picture's pixels: what tells duplicates, blur, darkness and borders.

Measured once by content and remembered; ``check``, ``dedupe`` and the trimming of borders read it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np
from PIL import Image

from dataprep.dataset import Dataset
from dataprep.images import BadImage, within
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
    """Widths of letterbox bands at the left, top, right and bottom, in the picture's pixels."""
    highlights: float = 255.0
    """Luminance that only 5 % of the pixels exceed, 0..255."""
    edge_width: float = 1.0
    """How many pixels a sharp edge takes from dark to light at ``SIDE``; 16: there is no edge."""


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
        size = (picture.width, picture.height)
        try:
            return look(dataset.decode(picture, small(*size)), size)
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
    image = flatten(image).resize(small(*image.size), Image.Resampling.BOX)
    thumb = image.resize((THUMB, THUMB), Image.Resampling.BOX)
    grey = image.convert("L")
    levels = np.asarray(grey, np.int16)
    brightness, contrast, highlights = _tones(grey.histogram())
    measures = Measures(
        sharpness=round(float(_laplacian(levels).var(dtype=np.float32)), 2),
        brightness=round(brightness, 2),
        contrast=round(contrast, 2),
        borders=_borders(np.asarray(image), full_size),
        highlights=highlights,
        edge_width=round(_edge_width(levels), 2),
    )
    return Look(thumb.tobytes(), measures)


def small(width: int, height: int) -> tuple[int, int]:
    """How large a picture of this size is measured (pixels)."""
    return within((width, height), SIDE)


def _tones(histogram: list[int]) -> tuple[float, float, float]:
    """Mean, standard deviation and 95th percentile of a grey picture, out of its histogram."""
    counts, levels = np.array(histogram, np.float64), np.arange(256)
    total = counts.sum()
    mean = float((counts * levels).sum() / total)
    deviation = math.sqrt(float((counts * (levels - mean) ** 2).sum() / total))
    return mean, deviation, float(np.searchsorted(counts.cumsum(), 0.95 * total))


def _laplacian(grey: np.ndarray) -> np.ndarray:
    if min(grey.shape) < 3:
        return np.zeros(1, np.int16)
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    inner: np.ndarray = around - 4 * grey[1:-1, 1:-1]
    return inner


TILE = 32
"""Side of the tiles of which each says how wide its strongest edge is (pixels)."""
REACH = 8
"""How far an edge is followed to either side (pixels)."""
FAINT = 4
"""Steps of fewer levels than this are no edges."""
WEAK = 0.3
"""Tiles whose strongest step is below this share of the picture's strongest say nothing."""
SHARP_SHARE = 0.25
"""A picture is as sharp as this share of its tiles: a subject before a blurred background is."""


def _edge_width(grey: np.ndarray) -> float:
    """The width of a picture's sharp edges (pixels); ``grey`` is int16, (height, width).

    At the steepest step of every tile: the range of levels around it, divided by that step. It
    does not depend on the contrast, as the Laplacian does, so that it tells blur from soft light.
    """
    across, along = _tile_edges(grey), _tile_edges(grey.T)
    steps, widths = (np.concatenate(pair) for pair in zip(across, along, strict=True))
    strong = steps >= max(FAINT, WEAK * float(np.quantile(steps, 0.98))) if len(steps) else steps
    return float(np.quantile(widths[strong], SHARP_SHARE)) if np.any(strong) else 2.0 * REACH


def _tile_edges(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The steepest step along a row in each tile (levels), and how wide that edge is (pixels)."""
    steps = np.abs(np.diff(grey, axis=1))
    down, across = steps.shape[0] // TILE, steps.shape[1] // TILE
    tiles = steps[: down * TILE, : across * TILE].reshape(down, TILE, across, TILE)
    flat = tiles.swapaxes(1, 2).reshape(down * across, TILE * TILE)
    if not flat.size:
        return np.zeros(0), np.zeros(0)
    place = flat.argmax(axis=1)
    tile = np.arange(len(flat))
    rows = tile // across * TILE + place // TILE
    columns = tile % across * TILE + place % TILE
    reach = columns[:, None] + np.arange(1 - REACH, 1 + REACH)
    around = grey[rows[:, None], reach.clip(0, grey.shape[1] - 1)]
    steepest = flat[tile, place]
    return steepest, np.ptp(around, axis=1) / np.maximum(steepest, 1)


EVEN = 16
"""Levels by which the pixels of a band may differ: JPEG rings at its edge."""
SPECKS = 0.02
"""Share of a band's row that may be of another colour."""
FULL = 0.6
"""Share of the content's outermost row that must differ from the band."""


def _borders(rgb: np.ndarray, full_size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Letterbox bands at the left, top, right and bottom, in pixels of the full picture.

    A band is of one colour and ends in a straight line along the whole side; there is one at the
    opposite side too. A subject before an even background is none: its outline is not straight.
    """
    height, width = rgb.shape[:2]
    corners = rgb[[0, 0, -1, -1], [0, -1, 0, -1]].astype(np.int16)
    if np.ptp(corners, axis=0).max() > EVEN:
        return 0, 0, 0, 0
    colour = np.median(corners, axis=0).astype(np.int16)
    far = np.abs(rgb.astype(np.int16) - colour) > EVEN
    other = far[..., 0] | far[..., 1] | far[..., 2]
    left, right = _ends(other)
    top, bottom = _ends(other.T)
    inside = other[top : height - bottom, left : width - right]
    bands = (
        *_pair(inside, left, right, full_size[0] / width),
        *_pair(inside.T, top, bottom, full_size[1] / height),
    )
    return bands[0], bands[2], bands[1], bands[3]


def _ends(other: np.ndarray) -> tuple[int, int]:
    """How many columns are of the band's colour before the first and behind the last other one."""
    busy = np.flatnonzero(other.mean(axis=0) > SPECKS)
    return (int(busy[0]), other.shape[1] - 1 - int(busy[-1])) if len(busy) else (0, 0)


def _pair(inside: np.ndarray, first: int, last: int, scale: float) -> tuple[int, int]:
    """Both bands in full pixels; none unless there are two and the content fills its first lines.

    The line next to a band that was scaled down holds some of it, so it is counted to the band.
    """
    mixed = 1 if scale > 1 else 0
    if min(first, last) == 0 or inside.shape[1] <= 4:
        return 0, 0
    # one line in: the outermost is half band, half content
    if min(inside[:, 1].mean(), inside[:, -2].mean()) < FULL:
        return 0, 0
    return math.ceil((first + mixed) * scale), math.ceil((last + mixed) * scale)


def _row(look: Look) -> LookRow:
    return LookRow(VERSION, look.thumb, json.dumps(asdict(look.measures)))


def _look(row: LookRow) -> Look:
    facts = json.loads(row.facts)
    return Look(row.thumb, Measures(**{**facts, "borders": tuple(facts["borders"])}))
