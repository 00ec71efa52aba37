"""The liveliest part of a picture, by its edges and the entropy of its tones.

The largest cut of an aspect touches two opposite sides, so it can only be moved along the other
two. Edges and tones are counted per line across that way once; running sums then give every place
together.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.decisions import Box
from dataprep.focus.place import Focus, Size, on_box, size_of
from dataprep.images import within
from dataprep.render import flatten

Grey = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

SIDE = 256
"""The longer side of the grey picture that is looked at (pixels)."""
TONES = 16
"""Steps of grey whose spread is the entropy."""
EDGES, ENTROPY, PULL = 1.0, 0.25, 0.25
"""What counts how much: the share of all edges a cut holds, the entropy of its tones as a share of
the most there can be, and how far it lies off the heart of the edges."""
NOISE, STRONG = 2.0, 64.0
"""Edges count from so many times the picture's median edge on, and no more than those of so many
levels: grain is no subject, and neither is one hard line."""
HEART = 0.75
"""The heart lies this far on the way from the middle of the picture to the middle of its edges."""


def small(size: Size) -> Size:
    """The size at which a picture of ``size`` is looked at."""
    return within(size, SIDE)


def liveliest(image: Image.Image, full: Size, bounds: Box, size: Size) -> Focus:
    """The best place for the largest cut, of ``size``, inside ``bounds``.

    Both in pixels of the ``full`` picture; ``image`` is the picture, perhaps decoded at a
    fraction. The same picture always gives the same place; an even one gives the middle.
    """
    across, down = image.width / full[0], image.height / full[1]
    part = (bounds[0] * across, bounds[1] * down, bounds[2] * across, bounds[3] * down)
    room = size_of(bounds)
    grey = np.asarray(flatten(image).convert("L").resize(small(room), box=part, reducing_gap=2))
    left = _start(grey, room[0], size[0])
    top = _start(grey.T, room[1], size[1])
    x, y = bounds[0] + left, bounds[1] + top
    return on_box((x, y, x + size[0], y + size[1]))


def _start(grey: Grey, room: int, length: int) -> int:
    """Where a cut of ``length`` begins in ``room``, pixels of the picture, seen across ``grey``."""
    columns: int = grey.shape[1]
    window = max(1, round(length * columns / room))
    if length == room or window >= columns:
        return (room - length) // 2
    return round(best_start(grey, window) / (columns - window) * (room - length))


def best_start(grey: Grey, window: int) -> float:
    """Where the best ``window`` columns of a grey picture, (h, w), begin; w above ``window``.

    Of several that are equally good, the middle of the first and the last.
    """
    edges = edge_columns(grey)
    whole = float(edges.sum())
    score = EDGES * running(edges, window) / max(whole, 1.0)
    score += ENTROPY * entropies(grey, window)
    middles = np.arange(len(score)) + (window - 1) / 2
    score -= PULL * ((middles - _heart(edges)) / (window / 2)) ** 2
    # rounded, so that the noise of sums does not decide between equals
    score = np.round(score, 9)
    best = np.flatnonzero(score == score.max())
    return float(best[0] + best[-1]) / 2


def running(values: Floats, window: int) -> Floats:
    """Sums of every ``window`` neighbours along the last axis: (…, w) gives (…, w - window + 1)."""
    total = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=total[..., 1:])
    sums: Floats = total[..., window:] - total[..., :-window]
    return sums


def entropies(grey: Grey, window: int) -> Floats:
    """The entropy of the tones in every ``window`` columns, 0..1 of the most there can be."""
    height, width = grey.shape
    cells = grey.astype(np.intp) * TONES // 256 * width + np.arange(width)
    counts = np.bincount(cells.ravel(), minlength=TONES * width).reshape(TONES, width)
    shares = running(counts.astype(np.float64), window) / (window * height)
    bits: Floats = -(shares * np.log2(np.maximum(shares, 1e-12))).sum(0) / math.log2(TONES)
    return bits


def edge_columns(grey: Grey) -> Floats:
    """How much the grey changes in every column, beyond the grain: (h, w) gives (w,)."""
    levels = grey.astype(np.int16)
    found = np.zeros_like(levels)
    found[:, 1:] += np.abs(np.diff(levels, axis=1))
    found[1:] += np.abs(np.diff(levels, axis=0))
    edges: Floats = np.clip(found - NOISE * float(np.median(found)), 0, STRONG).sum(0)
    return edges


def _heart(edges: Floats) -> float:
    """The column where the edges are on the whole, drawn to the middle."""
    middle, whole = (len(edges) - 1) / 2, float(edges.sum())
    mean = float(edges @ np.arange(len(edges))) / whole if whole else middle
    return middle + HEART * (mean - middle)
