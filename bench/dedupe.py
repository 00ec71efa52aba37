"""Near pairs among many hashes, beside their limit and two plain loops.

``python -m bench.dedupe [HASHES] [DISTANCE]`` (default: 100000 and 10). One picture in twenty is a
near copy of an earlier one. The ways take turns; medians of three rounds. The loops are run on a
part and scaled up by the number of pairs.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench.machine import heading
from dataprep.jobs import finish
from dataprep.looks import THUMB
from dataprep.pool import threads
from dataprep.similar import hashes
from dataprep.stars import COLUMNS, ROWS, Ray, stars

ROUNDS = 3
FLIPPED = 6
"""Bits in which a planted copy differs."""
BY_ROWS, BY_PYTHON = 4_000, 1_000
"""How many hashes the loops get."""


def make_codes(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Random hashes, and for each copy (the last twentieth) the place of its original."""
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 2**64, count, np.uint64)
    copies = count // 20
    originals = rng.choice(count - copies, copies, replace=False)
    bits = np.argsort(rng.random((copies, 64)), axis=1)[:, :FLIPPED].astype(np.uint64)
    flips = np.bitwise_or.reduce(np.uint64(1) << bits, axis=1)
    codes[-copies:] = codes[originals] ^ flips
    return codes, originals


def ours(codes: np.ndarray, distance: int) -> dict[int, list[Ray]]:
    """What ``dataprep dedupe`` does with hashes."""
    return finish(stars(codes[None], codes, distance))


def popcounts_only(codes: np.ndarray) -> None:
    """The limit: XOR and popcount of the same pairs in the same blocks, looking at no result."""

    def stripe(rows: np.ndarray, columns: np.ndarray) -> None:
        differ, bits = np.empty((ROWS, COLUMNS), np.uint64), np.empty((ROWS, COLUMNS), np.uint8)
        for at in range(0, len(columns), COLUMNS):
            part = columns[at : at + COLUMNS]
            xored = np.bitwise_xor(rows[:, None], part, out=differ[: len(rows), : len(part)])
            np.bitwise_count(xored, out=bits[: len(rows), : len(part)])

    with ThreadPoolExecutor(threads()) as pool:
        for at in range(0, len(codes), ROWS):
            parts = np.array_split(codes[at:], threads())
            list(pool.map(stripe, [codes[at : at + ROWS]] * len(parts), parts))


def rows_in_turn(codes: np.ndarray, distance: int) -> int:
    """The first alternative: NumPy, one row against all that follow; how many pairs are near."""
    return sum(
        int((np.bitwise_count(codes[row + 1 :] ^ codes[row]) <= distance).sum())
        for row in range(len(codes))
    )


def python_pairs(codes: np.ndarray, distance: int) -> int:
    """The other alternative: two Python loops over whole numbers."""
    values = codes.tolist()
    return sum(
        (one ^ other).bit_count() <= distance
        for place, one in enumerate(values)
        for other in values[place + 1 :]
    )


def seconds(run: Callable[[], object], part: int, count: int) -> float:
    """Wall time of ``run`` on ``part`` hashes, scaled to the pairs of ``count``."""
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * (count / part) ** 2


def main() -> None:
    """Print the seconds of every way, the ratios, what was found, and the memory."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    distance = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    codes, originals = make_codes(count)
    print(heading("numpy"))
    print(f"{count} hashes, {count * (count - 1) // 2:.3g} pairs, distance up to {distance}")
    mine, limit = "dataprep dedupe", "XOR + popcount alone (limit)"
    ways: dict[str, tuple[Callable[[], object], int]] = {
        mine: (lambda: ours(codes, distance), count),
        limit: (lambda: popcounts_only(codes), count),
        "NumPy, row by row (alternative)": (
            lambda: rows_in_turn(codes[:BY_ROWS], distance),
            min(count, BY_ROWS),
        ),
        "Python, pair by pair (alternative)": (
            lambda: python_pairs(codes[:BY_PYTHON], distance),
            min(count, BY_PYTHON),
        ),
    }
    walls: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (run, part) in ways.items():
            walls[name].append(seconds(run, part, count))
    medians = {name: statistics.median(times) for name, times in walls.items()}
    for name, wall in medians.items():
        print(f"{name:<36} {wall:9.2f} s  {wall / medians[mine]:7.2f} × ours")
    print_findings(codes, originals, distance)


def print_findings(codes: np.ndarray, originals: np.ndarray, distance: int) -> None:
    """Which planted copies were found, how quick the hashing is, and the peak memory."""
    found = ours(codes, distance)
    taken = {ray.place for star in found.values() for ray in star}
    copies = enumerate(originals.tolist(), start=len(codes) - len(originals))
    # an original that somebody else took first takes nobody
    missed = sum(copy not in taken and original not in taken for copy, original in copies)
    rng = np.random.default_rng(6)
    thumbs = rng.integers(0, 256, (len(codes) // 10, THUMB, THUMB, 3), np.uint8)
    hashing = seconds(lambda: hashes(thumbs), 1, 1) * 10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(originals)} planted copies, {missed} of them missed; {len(found)} groups")
    print(f"hashing {len(codes)} thumbnails: {hashing:.2f} s; peak memory {peak:.0f} MiB")


if __name__ == "__main__":
    main()
