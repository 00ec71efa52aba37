"""Aspect-ratio buckets: which sizes a training run uses and where each picture goes. Pure.

A bucket is a (width, height) in pixels; pictures of one bucket can share a batch. The set of
buckets is kohya's; the choice among them is ours unless ``rule="kohya"`` is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Bucket = tuple[int, int]
Rule = Literal["log", "kohya"]
T = TypeVar("T")


def make_buckets(
    resolution: tuple[int, int], min_size: int = 256, max_size: int = 1024, step: int = 64
) -> tuple[Bucket, ...]:
    """All buckets whose area is at most that of ``resolution`` (pixels), sorted.

    Sides are multiples of ``step`` between ``min_size`` (rounded down) and ``max_size`` (rounded
    up); for every side the longest other side that keeps the area.
    """
    area = resolution[0] * resolution[1]
    low, high = min_size // step * step, -(-max_size // step) * step
    square = math.isqrt(area) // step * step
    buckets = {(square, square)} if square else set()
    for side in range(max(low, step), high + 1, step):
        other = min(high, area // side // step * step)
        if other >= max(low, step):
            buckets |= {(side, other), (other, side)}
    return tuple(sorted(buckets))


def choose(width: int, height: int, buckets: Sequence[Bucket], rule: Rule = "log") -> Bucket:
    """The bucket for a picture of ``width`` × ``height``: its own size, else the nearest aspect.

    Nearness is |log(aspect ratio)|, so a picture and its transpose are treated alike. kohya
    compares raw ratios, which puts tall pictures (ratios crowded below 1) and wide ones (spread
    above 1) by different measures; ``rule="kohya"`` reproduces that. Ties go to the larger
    bucket, then to the first in order (kohya: the first in order).
    """
    if (width, height) in buckets:
        return (width, height)
    if rule == "kohya":
        return min(sorted(buckets), key=lambda b: abs(b[0] / b[1] - width / height))
    return min(sorted(buckets), key=lambda b: (_stretch(width, height, b), -b[0] * b[1]))


@dataclass(frozen=True, slots=True)
class Target:
    """To which sizes pictures go: one, or the buckets of a training run.

    The crop stage and the trainer both ask here, so that what was prepared is what is trained.
    """

    resolution: tuple[int, int]
    """Width and height (pixels); with buckets only the area counts."""
    buckets: bool = False
    min_size: int = 256
    """Shortest side of a bucket (pixels); ignored with ``no_upscale``, as kohya does."""
    max_size: int = 1024
    step: int = 64
    no_upscale: bool = False
    rule: Rule = "log"

    def sizes(self) -> tuple[Bucket, ...]:
        """Every size there is to choose from; ``no_upscale`` makes its own, picture by picture."""
        if not self.buckets:
            return (self.resolution,)
        return make_buckets(self.resolution, self.min_size, self.max_size, self.step)

    def choose(self, width: int, height: int, sizes: Sequence[Bucket]) -> Bucket:
        """The size for a picture of ``width`` × ``height``; ``sizes`` is ``self.sizes()``.

        A picture that was rendered at the size chosen for it gets the same size again.
        """
        if self.buckets and self.no_upscale:
            return no_upscale(width, height, self.resolution, self.step, self.rule)
        return choose(width, height, sizes, self.rule) if self.buckets else self.resolution


def _stretch(width: int, height: int, bucket: Bucket) -> float:
    """How far two aspects are apart: exp|log ratio|, 1 for equal ones.

    One division of whole numbers: equal aspects give equal floats, so ties are true ties.
    """
    across, along = width * bucket[1], height * bucket[0]
    return max(across, along) / min(across, along)


def no_upscale(
    width: int, height: int, resolution: tuple[int, int], step: int = 64, rule: Rule = "log"
) -> Bucket:
    """A bucket no larger than the picture and no larger in area than ``resolution``.

    Among the sizes just below and just above the scaled-down picture, the one of the nearest
    aspect that still fits, then the larger. Never below ``step``: a picture thinner than that is
    the one case that is enlarged. kohya rounds down first and so puts 1050×1080 at 1024 into
    960×960; ``rule="kohya"`` reproduces that.
    """
    area = max(resolution[0] * resolution[1], step * step)
    if rule == "kohya":
        return _within(_kohya_no_upscale(width, height, area, step), area, step)
    scale = min(1.0, math.sqrt(area / (width * height)))
    fitting = [
        (w, h)
        for w in _around(width * scale, step)
        for h in _around(height * scale, step)
        if w <= max(width, step) and h <= max(height, step) and w * h <= area
    ]
    smallest = (_around(width * scale, step)[0], _around(height * scale, step)[0])
    return min(
        sorted(fitting) or [_within(smallest, area, step)],
        key=lambda b: (_stretch(width, height, b), -b[0] * b[1]),
    )


def _kohya_no_upscale(width: int, height: int, area: int, step: int) -> Bucket:
    """What ``BucketManager.select_bucket`` of kohya's sd-scripts does without upscaling."""
    if width * height > area:
        aspect = width / height
        across = _floor(math.sqrt(area * aspect) + 0.5, step)
        down = _floor(math.sqrt(area / aspect) + 0.5, step)
        by_width = abs(_ratio(across, _floor(across / aspect + 0.5, step)) - aspect)
        by_height = abs(_ratio(_floor(down * aspect + 0.5, step), down) - aspect)
        if by_width < by_height:
            width, height = across, int(across / aspect + 0.5)
        else:
            width, height = int(down * aspect + 0.5), down
    return max(step, _floor(width, step)), max(step, _floor(height, step))


def _floor(length: float, step: int) -> int:
    return int(length) // step * step


def _ratio(width: int, height: int) -> float:
    """The aspect; kohya itself stops at a side of 0, which is nearest to nothing."""
    return width / height if width and height else math.inf


def _within(bucket: Bucket, area: int, step: int) -> Bucket:
    """A bucket whose shorter side had to grow to ``step`` pays for it with the longer one."""
    short, long = min(bucket), max(bucket)
    long = min(long, area // short // step * step)
    return (short, long) if bucket[0] <= bucket[1] else (long, short)


def _around(length: float, step: int) -> tuple[int, int]:
    """The multiples of ``step`` just below and just above ``length``, at least ``step``."""
    below = max(step, math.floor(length / step) * step)
    return below, below + step


def cover(width: int, height: int, bucket: Bucket) -> tuple[int, int, int, int]:
    """Scale a picture until it covers ``bucket``, then cut the middle.

    Returns (scaled width, scaled height, left, top), pixels.
    """
    if width * bucket[1] > height * bucket[0]:
        scaled = (_rounded(width * bucket[1], height), bucket[1])
    else:
        scaled = (bucket[0], _rounded(height * bucket[0], width))
    scaled = (max(scaled[0], bucket[0]), max(scaled[1], bucket[1]))
    return *scaled, (scaled[0] - bucket[0]) // 2, (scaled[1] - bucket[1]) // 2


def _rounded(numerator: int, denominator: int) -> int:
    """The quotient to the nearest whole number, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)


def lost(width: int, height: int, bucket: Bucket) -> float:
    """The share of a picture, 0..1, that is cut off when it covers ``bucket``."""
    return 1 - 1 / _stretch(width, height, bucket)


def shares(counts: Mapping[Bucket, int], total: int) -> dict[Bucket, int]:
    """Divide ``total`` among buckets as ``counts`` are (largest remainders first).

    None that has a count goes without, as long as there is one for each.
    """
    whole = sum(counts.values())
    least = 1 if total >= len(counts) else 0
    given = {bucket: max(least, total * count // whole) for bucket, count in counts.items()}
    by_rest = sorted(counts, key=lambda bucket: (-(total * counts[bucket] % whole), bucket))
    left = total - sum(given.values())
    for bucket in by_rest[: max(0, left)]:
        given[bucket] += 1
    for _ in range(-left):
        given[max(given, key=lambda bucket: (given[bucket], bucket))] -= 1
    return given


def plan_batches(items: Iterable[tuple[Bucket, T]], size: int) -> list[list[T]]:
    """Cut the items of each bucket, in their order, into batches of at most ``size``."""
    groups: dict[Bucket, list[T]] = {}
    for bucket, item in items:
        groups.setdefault(bucket, []).append(item)
    return [
        groups[bucket][start : start + size]
        for bucket in sorted(groups)
        for start in range(0, len(groups[bucket]), size)
    ]
