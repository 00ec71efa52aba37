"""Hashes near to each other, grouped around centres: every pair compared, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from dataprep.jobs import Job, Progress
from dataprep.pool import threads

Accept = Callable[[int, np.ndarray, np.ndarray], np.ndarray]
"""(centre, places, their variants) → which of the places really show what the centre shows."""

COMPARING = "comparing pictures"
ROWS, COLUMNS = 128, 2048
"""Pairs compared at once: 2 MiB of them, which fits the cache of a core."""


@dataclass(frozen=True, slots=True)
class Ray:
    """From the centre of a star to one of its places."""

    place: int
    distance: int
    variant: int


def stars(
    centres: np.ndarray,
    codes: np.ndarray,
    distance: int,
    accept: Accept | None = None,
    firm: np.ndarray | None = None,
) -> Job[dict[int, list[Ray]]]:
    """Group hashes around centres: the first takes those near it, then the first that is left.

    So whatever is taken is near to what took it, which chains of neighbours would not promise.
    ``codes`` are (n,) uint64, the best first; ``centres`` (variants, n) are the same under every
    variant looked for. ``accept`` has the last word on a pair; places in ``firm`` (n,) bool are
    never taken. Every pair is compared, but of 128 rows at once, and what is taken falls out: the
    memory is bounded however many are alike.
    """
    free = np.ones(len(codes), bool)
    firm = np.zeros(len(codes), bool) if firm is None else firm
    found: dict[int, list[Ray]] = {}
    rest = np.arange(len(codes))
    workers = threads()
    with ThreadPoolExecutor(workers) as pool:
        while len(rest):
            block = rest[:ROWS]
            for row, hits in _near(pool, workers, centres[:, block], codes[rest], distance):
                centre, places = int(block[row]), rest[hits[0]]
                open_ = free[places] & ~firm[places]
                star = _star(centre, places[open_], hits[1:, open_], accept) if free[centre] else []
                if star:
                    found[centre] = star
                    free[[ray.place for ray in star]] = False
                yield Progress(len(codes) - len(rest), len(codes), COMPARING)
            rest = rest[ROWS:][free[rest[ROWS:]]]
            yield Progress(len(codes) - len(rest), len(codes), COMPARING)
    return found


def _star(centre: int, places: np.ndarray, hits: np.ndarray, accept: Accept | None) -> list[Ray]:
    """The rays of a centre, one for each place: the shortest; ``hits`` are distance and variant."""
    far, variants = hits
    if accept is not None and len(places):
        good = accept(centre, places, variants)
        places, far, variants = places[good], far[good], variants[good]
    order = np.lexsort((variants, far, places))
    _, first = np.unique(places[order], return_index=True)
    return [Ray(int(places[k]), int(far[k]), int(variants[k])) for k in order[first]]


def _near(
    pool: Executor, workers: int, rows: np.ndarray, columns: np.ndarray, distance: int
) -> list[tuple[int, np.ndarray]]:
    """Rows that have near columns behind them, with (3, hits): column, distance, variant.

    The rows are the first of the columns, so that every pair comes once.
    """
    stripe = -(-len(columns) // workers)
    work = partial(_stripe, rows, columns, distance, stripe)
    hits = np.concatenate(list(pool.map(work, range(0, len(columns), stripe))), axis=1)
    hits = hits[:, hits[1] > hits[0]]
    hits = hits[:, np.argsort(hits[0], kind="stable")]
    numbers, starts = np.unique(hits[0], return_index=True)
    parts = np.split(hits[1:], starts[1:], axis=1)
    return [(int(row), part) for row, part in zip(numbers, parts, strict=False)]


def _stripe(
    rows: np.ndarray, columns: np.ndarray, distance: int, stripe: int, start: int
) -> np.ndarray:
    """Near pairs of (variants, r) hashes with a stripe of columns: (4, hits) of int32."""
    pairs = np.empty((rows.shape[1], min(COLUMNS, stripe)), np.uint64)
    bits = np.empty(pairs.shape, np.uint8)
    found = [np.empty((4, 0), np.int32)]
    for variant, codes in enumerate(rows):
        for at in range(start, min(start + stripe, len(columns)), COLUMNS):
            part = columns[at : min(at + COLUMNS, start + stripe)]
            differ, count = pairs[:, : len(part)], bits[:, : len(part)]
            np.bitwise_xor(codes[:, None], part, out=differ)
            np.bitwise_count(differ, out=count)
            # most blocks hold no near pair at all, and the smallest is quickly known
            if count.min() <= distance:
                row, column = np.nonzero(count <= distance)
                hits = np.empty((4, len(row)), np.int32)
                hits[0], hits[1], hits[2], hits[3] = row, column + at, count[row, column], variant
                found.append(hits)
    return np.concatenate(found, axis=1)
