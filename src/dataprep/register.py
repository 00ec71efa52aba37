"""Whether two thumbnails are of one picture: laid upon each other, what is left over?

A hash proposes pairs; here they are judged. A copy that was recompressed, scaled, brightened or
cut a little differs a little everywhere. A variant of the same pose, with closed eyes or another
dress, differs in one bold spot and nowhere else.
"""

from __future__ import annotations

import numpy as np

from dataprep.looks import THUMB

BATCH, MANY = 64, 4096
"""Pairs judged at once, and first looked at roughly."""
ROUNDS = 5
MOST_SCALE, MOST_SHIFT = 0.13, 1.6
"""A copy may be cut by about 6 % at each side: so much is stretched, so many cells moved."""
LEAST_GAIN, MOST_GAIN = 0.75, 1.33
"""A copy may be so much darker or brighter."""
DAMPING = 50.0
MEAN = 16.0
"""The most by which fitted copies differ on average (levels of the strongest channel)."""
ROUGH, FAR = 24.0, 36.0
"""Before the fit copies differ less on average: by their coarse colours, and cell by cell."""
QUIET, CLEAR = 12.0, 30.0
"""Copies that were not cut differ less: on average, and in any spot (levels)."""
MOSTLY, CALM = 0.8, 9.0
"""Where so large a share of the cells differs by less than this, nothing was cut (levels)."""
GAINED = 0.93
"""Fitting a cut copy leaves at most this share of the difference; that of a variant stays."""
STEADY, SPOT = 8.0, 4.0
"""In a fitted copy a spot may differ by ``STEADY`` levels and ``SPOT`` times what most of the
cells stay below: sharp edges that fall between two cells do."""


def _watched() -> np.ndarray:
    """Cells where a spot counts: not the corners, where signatures and watermarks stand."""
    cells = np.ones((THUMB, THUMB), bool)
    for rows in (slice(0, 4), slice(-4, None)):
        for columns in (slice(0, 9), slice(-9, None)):
            cells[rows, columns] = False
    return cells


WATCHED = _watched()
INNER = WATCHED & np.pad(np.ones((THUMB - 2, THUMB - 2), bool), 1)
"""Without the rim, over which a cut picture has nothing to say."""


def alike(one: np.ndarray, others: np.ndarray, *, spots: bool = False) -> np.ndarray:
    """Which of ``others`` (k, 24, 24, 3) uint8 show what ``one`` (24, 24, 3) shows, (k,) bool.

    ``spots``: a bold spot alone does not keep them apart. The limits were set on copies and
    variants of painted scenes, see ``tests/test_similar.py``.
    """
    good = np.zeros(len(others), bool)
    for at in range(0, len(others), MANY):
        good[at : at + MANY] = _roughly(one, others[at : at + MANY])
    left = np.flatnonzero(good)
    for at in range(0, len(left), BATCH):
        places = left[at : at + BATCH]
        good[places] = _alike(one, others[places], spots)
    return good


def _roughly(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which could be copies by their coarse colours: most that a hash proposes are no copies."""
    first, rest = _coarse(one[None]), _coarse(others)
    lit = _lit(np.broadcast_to(first, rest.shape), rest)
    near: np.ndarray = np.abs(lit - rest).max(axis=-1).mean(axis=(1, 2)) <= ROUGH
    return near


def _coarse(thumbs: np.ndarray) -> np.ndarray:
    """Means of 4 × 4 cells of (k, 24, 24, 3), (k, 6, 6, 3)."""
    few = THUMB // 4
    rows = thumbs.reshape(-1, few, 4, THUMB * 3).sum(axis=2, dtype=np.uint16)
    sums = rows.reshape(-1, few, few, 4, 3).sum(axis=3, dtype=np.uint16)
    means: np.ndarray = sums / np.float32(16)
    return means


def _alike(one: np.ndarray, others: np.ndarray, spots: bool) -> np.ndarray:
    first, rest = one.astype(np.float32), others.astype(np.float32)
    lit = _lit(np.broadcast_to(first, rest.shape), rest)
    far = np.abs(lit - rest).max(axis=-1)
    mean = far.mean(axis=(1, 2))
    good: np.ndarray = (mean <= QUIET) & (spots | (_spot(lit, rest, WATCHED) <= CLEAR))
    # fitting takes time: only where it may help, for edges are apart all over, and not too far
    apart = np.quantile(far[:, INNER], MOSTLY, axis=1) >= CALM
    unclear = np.flatnonzero(~good & apart & (mean <= FAR))
    if len(unclear):
        good[unclear] = _fits(first, lit[unclear], rest[unclear], spots)
    return good


def _fits(one: np.ndarray, lit: np.ndarray, others: np.ndarray, spots: bool) -> np.ndarray:
    """Which are cut copies of ``one``, which is ``lit`` as they are."""
    moved = _fitted(one, others)
    before = np.abs(lit - others).max(axis=-1)[:, INNER]
    left = np.abs(moved - others).max(axis=-1)[:, INNER]
    mean = left.mean(axis=1)
    fits: np.ndarray = mean <= MEAN
    if spots:
        return fits
    allowed = STEADY + SPOT * np.quantile(left, MOSTLY, axis=1)
    fits &= mean <= GAINED * before.mean(axis=1)
    fits &= _spot(moved, others, INNER) <= allowed
    return fits


def _spot(a: np.ndarray, b: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The boldest local difference of (k, 24, 24, 3) pairs among ``cells``, (k,) levels.

    How far a cell lies out of the range of its neighbours in the other picture: a shift by half a
    cell is no difference.
    """
    # whole levels are exact enough, and half the work
    a, b = (np.rint(thumbs).astype(np.int16) for thumbs in (a, b))
    low_a, high_a = _range(a)
    low_b, high_b = _range(b)
    beyond = np.maximum.reduce([a - high_b, low_b - a, b - high_a, low_a - b]).max(axis=-1)
    boldest: np.ndarray = beyond[:, cells].max(axis=1)
    return boldest


def _range(thumbs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest value of each cell and its eight neighbours."""
    padded = np.pad(thumbs, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    return _of_nine(padded, np.minimum), _of_nine(padded, np.maximum)


def _of_nine(padded: np.ndarray, pick: np.ufunc) -> np.ndarray:
    rows = pick(pick(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])
    nine: np.ndarray = pick(pick(rows[:, :, :-2], rows[:, :, 1:-1]), rows[:, :, 2:])
    return nine


def _lit(thumbs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Each channel brightened by a factor and an offset to come near to its target."""
    mean, wanted = (values.mean(axis=(1, 2), keepdims=True) for values in (thumbs, targets))
    inner = thumbs - mean
    shared = (inner * (targets - wanted)).sum(axis=(1, 2), keepdims=True)
    gain = shared / ((inner**2).sum(axis=(1, 2), keepdims=True) + 1)
    lit: np.ndarray = gain.clip(LEAST_GAIN, MOST_GAIN) * inner + wanted
    return lit


CELLS = np.arange(THUMB, dtype=np.float32)
CENTRE = (THUMB - 1) / 2


def _fitted(one: np.ndarray, others: np.ndarray) -> np.ndarray:
    """``one`` stretched and moved onto each of ``others``, (k, 24, 24, 3).

    Gauss–Newton on the squared differences (B. Lucas, T. Kanade, An Iterative Image Registration
    Technique, 1981), with four unknowns for each: stretch and shift, across and down.
    """
    across, down = (CELLS - CENTRE)[None, None, :, None], (CELLS - CENTRE)[None, :, None, None]
    place = np.zeros((len(others), 4), np.float32)
    for _ in range(ROUNDS):
        moved = _lit(_moved(one, place), others)
        dy, dx = np.gradient(moved, axis=(1, 2))
        slopes = np.stack([dx * across, dx, dy * down, dy], axis=-1).reshape(len(others), -1, 4)
        turned = slopes.transpose(0, 2, 1)
        normal = turned @ slopes + DAMPING * np.eye(4, dtype=np.float32)
        wrong = (others - moved).reshape(len(others), -1, 1)
        place = place + np.linalg.solve(normal, turned @ wrong)[..., 0]
        most = np.array([MOST_SCALE, MOST_SHIFT] * 2, np.float32)
        place = place.clip(-most, most)
    return _lit(_moved(one, place), others)


def _moved(one: np.ndarray, place: np.ndarray) -> np.ndarray:
    """``one`` (24, 24, 3) under each stretch and shift in ``place`` (k, 4), bilinear."""
    wide, high = _weights(place[:, :2]), _weights(place[:, 2:])
    rows = (high @ one.reshape(THUMB, -1)).reshape(-1, THUMB, THUMB, 3)
    moved: np.ndarray = np.einsum("kxj,kyjc->kyxc", wide, rows, optimize=True)
    return moved


def _weights(place: np.ndarray) -> np.ndarray:
    """How much of each cell goes into each: (k, 24, 24) for (k, 2) stretches and shifts."""
    at = CENTRE + (1 + place[:, :1]) * (CELLS - CENTRE) + place[:, 1:]
    weights: np.ndarray = (1 - np.abs(at.clip(0, THUMB - 1)[:, :, None] - CELLS)).clip(0)
    return weights
