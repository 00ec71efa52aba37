"""Moving pictures out of buckets that fill no batch, for a little more of each cut off. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dataprep.buckets import Bucket, Target, lost


@dataclass(frozen=True, slots=True)
class Placed:
    """A picture and the bucket chosen for it."""

    size: tuple[int, int]
    """Width and height of the picture (pixels)."""
    bucket: Bucket
    uses: int
    """How often it is used in an epoch."""
    target: Target
    """The sizes that the bucket was chosen among."""


def merged(pictures: Sequence[Placed], batch: int, budget: float) -> list[Bucket]:
    """The bucket of each picture after merging; batches get fewer or stay as they are.

    A bucket with fewer uses than ``batch`` goes as a whole into another that is in use and was
    there to choose from, where that saves a batch and cuts off at most ``budget`` (share of the
    picture, 0..1) more than the picture's own bucket does. The smallest bucket goes first, to
    where the most that a picture loses is least. With ``no_upscale`` nothing is enlarged for it.
    """
    chosen = [picture.bucket for picture in pictures]
    while (move := _next_move(pictures, chosen, batch, budget)) is not None:
        source, goal = move
        chosen = [goal if bucket == source else bucket for bucket in chosen]
    return chosen


def _next_move(
    pictures: Sequence[Placed], chosen: Sequence[Bucket], batch: int, budget: float
) -> tuple[Bucket, Bucket] | None:
    uses: Counter[Bucket] = Counter()
    members: dict[Bucket, list[Placed]] = {}
    for picture, bucket in zip(pictures, chosen, strict=True):
        uses[bucket] += picture.uses
        members.setdefault(bucket, []).append(picture)
    small = sorted((bucket for bucket in uses if uses[bucket] < batch), key=lambda b: (uses[b], b))
    for source in small:
        goals = [
            (extra, goal)
            for goal in sorted(uses)
            if goal != source and _saves(uses[source], uses[goal], batch)
            if (extra := _most_lost(members[source], members[goal], goal)) <= budget
        ]
        if goals:
            return source, min(goals)[1]
    return None


def _saves(one: int, other: int, batch: int) -> bool:
    """Whether uses of two buckets fill fewer batches together."""
    return -(-(one + other) // batch) < -(-one // batch) + -(-other // batch)


def _most_lost(movers: Sequence[Placed], there: Sequence[Placed], goal: Bucket) -> float:
    """The most that one of the movers loses beyond its own bucket's cut; 2 where one cannot go."""
    open_to = {picture.target for picture in there}
    if any(picture.target not in open_to or not _fits(picture, goal) for picture in movers):
        return 2.0
    return max(
        lost(*picture.size, goal) - lost(*picture.size, picture.bucket) for picture in movers
    )


def _fits(picture: Placed, goal: Bucket) -> bool:
    inside = goal[0] <= picture.size[0] and goal[1] <= picture.size[1]
    return inside or not picture.target.no_upscale
