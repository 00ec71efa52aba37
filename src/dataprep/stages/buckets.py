"""``dataprep buckets``: preview the sizes pictures would be trained at, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from pydantic import Field

from dataprep import target as targets
from dataprep.buckets import Rule, Target
from dataprep.dataset import NOTHING, Dataset
from dataprep.errors import UsageError
from dataprep.focus import tally
from dataprep.focus.cut import Cutter, at_size, whole
from dataprep.focus.hand import hand_region
from dataprep.focus.tally import Row, Use
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

START = targets.of_size(512)
"""What is previewed before anything was decided."""
WORST, FIRST = 5, 10
"""So many pictures are named that lose most, and that should be cut anew."""
SEEN = 0.005
"""A loss below this is a matter of rounding."""


class Settings(Base):
    """Which sizes to look at: those that crop decided, or others to compare with."""

    size: int | None = Field(None, ge=32, le=4096)
    """Side of the square whose area the buckets share (pixels); without it as decided, else 512."""
    min_size: int | None = Field(None, ge=32, le=4096)
    """Shortest side of a bucket (pixels); without it what suits the size."""
    max_size: int | None = Field(None, ge=32, le=4096)
    """Longest side of a bucket (pixels); without it what suits the size."""
    step: int | None = Field(None, ge=32, le=256, multiple_of=32)
    """Every side is a multiple of this (pixels); without it as decided, else 64."""
    upscale: bool = True
    """Enlarge pictures that are smaller than their bucket, unless it was decided not to."""
    rule: Literal["log", "kohya"] = "log"
    """How the nearest bucket is found: by the ratio of aspects, as our trainer does, or by their
    difference, as kohya's does."""
    batch_size: int = Field(1, ge=1, le=1024)
    """Pictures per training step."""
    repeats: int = Field(1, ge=1, le=10000)
    """How often each picture is used per epoch."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How every usable picture would be cut."""

    target: Target
    decided: bool
    """Whether these are the sizes that crop decided."""
    uses: tuple[Use, ...]


def plan(dataset: Dataset, target: Target) -> Plan:
    """What a preview of these sizes shows; no picture is opened and nothing is decided."""
    decided = target == targets.read(dataset.store)
    return Plan(target, decided, tuple(_uses(dataset, dataset.usable(), target, not decided)))


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Say what the buckets hold, lose and enlarge. Nothing is decided."""
    issues = yield from refresh(dataset, settings)
    pictures = dataset.usable()
    yield Progress(0, len(pictures), "choosing the buckets")
    stored = targets.read(dataset.store)
    target, origin = _target(settings, stored)
    anew = stored is None or target != stored
    uses = _uses(dataset, pictures, target, anew)
    rows = tally.rows_of(uses, settings.batch_size, settings.repeats)
    ways = _ways(pictures, target)
    yield Progress(len(pictures), len(pictures), "choosing the buckets")
    return Report(
        "buckets",
        done=len(pictures),
        issues=tuple(issues),
        facts=_facts(uses, rows, target, ways, settings) | {"decided": not anew},
        lines=(
            f"{targets.described(target)} ({origin})",
            *_table(rows),
            *_sentences(uses, rows, ways, settings),
            *_recrop(uses),
        ),
    )


def _target(settings: Settings, stored: Target | None) -> tuple[Target, str]:
    """The sizes to preview, and where they are from. Raises ``UsageError``."""
    base = stored or START
    asked = {name: getattr(settings, name) for name in ("min_size", "max_size", "step")}
    given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
    if not settings.upscale:
        given["no_upscale"] = True
    if settings.rule != base.rule:
        given["rule"] = settings.rule
    if settings.size is None and not given:
        return base, "decided by crop" if stored else "crop has decided nothing yet"
    size = settings.size or base.resolution[0]
    if size != base.resolution[0] or not base.buckets:
        fitting = targets.of_size(size, settings.step or base.step)
        base = replace(fitting, no_upscale=base.no_upscale)
    target = replace(base, **given)
    target = replace(
        target, min_size=min(target.min_size, size), max_size=max(target.max_size, size)
    )
    sides = {"size": size, "min_size": target.min_size, "max_size": target.max_size}
    try:
        targets.check_step(sides, target.step)
    except ValueError as error:
        raise UsageError(f"dataprep buckets: {error}") from None
    decided = f"crop decided {targets.title(stored)}" if stored else "crop has decided nothing yet"
    return target, f"a preview; {decided}"


def _uses(dataset: Dataset, pictures: Sequence[Picture], target: Target, anew: bool) -> list[Use]:
    """Every picture as it is trained on.

    Of the decided sizes: by the cut that was decided, at the size the trainer gives that. Of
    others: chosen anew from the whole picture, or from the region a person gave.
    """
    cutter, decisions, rows = Cutter(target), dataset.decisions(), dataset.store.decisions()
    uses = []
    for picture in pictures:
        crop = decisions.get(picture.name, NOTHING).crop
        region = hand_region(picture, rows.get(picture.name, {})) if anew else None
        if region is not None:
            crop = cutter.by_hand(whole(picture), region)
        elif crop is None or anew:
            crop = cutter.centred(whole(picture))
        uses.append(Use(picture, at_size(crop, cutter.size(crop.width, crop.height))))
    return uses


def _ways(pictures: Sequence[Picture], target: Target) -> dict[str, float]:
    """What is lost, 0..1, when the same pictures are cut from the centre in other ways."""
    bucketed = target if target.buckets else targets.of_size(target.resolution[0], target.step)
    rules: dict[str, Rule] = {"buckets": "log", "kohya": "kohya"}
    ways = {name: replace(bucketed, rule=rule) for name, rule in rules.items()}
    ways["one_size"] = replace(target, buckets=False)
    return {name: tally.mean_lost(_centred(pictures, Cutter(way))) for name, way in ways.items()}


def _centred(pictures: Sequence[Picture], cutter: Cutter) -> list[Use]:
    return [Use(picture, cutter.centred(whole(picture))) for picture in pictures]


def _facts(
    uses: list[Use], rows: list[Row], target: Target, ways: dict[str, float], settings: Settings
) -> dict[str, Any]:
    return {
        "target": asdict(target),
        "buckets": [row.to_json() for row in rows],
        "batches": sum(row.batches for row in rows),
        "fewest_batches": _fewest(uses, settings),
        "pixels_lost": round(tally.mean_lost(uses), 4),
        "pixels_lost_from_the_centre": {name: round(share, 4) for name, share in ways.items()},
        "worst": {use.picture.name: round(use.lost, 4) for use in _worst(uses)},
        "enlarged": {use.picture.name: round(use.enlarged, 3) for use in uses if use.enlarged > 1},
        "recrop": {use.picture.name: use.reasons for use in tally.to_recrop(uses)},
    }


def _fewest(uses: Sequence[Use], settings: Settings) -> int:
    return math.ceil(len(uses) * settings.repeats / settings.batch_size)


def _worst(uses: list[Use]) -> list[Use]:
    return sorted((use for use in uses if use.lost >= SEEN), key=lambda use: -use.lost)[:WORST]


def _table(rows: list[Row]) -> list[str]:
    head = ("bucket", "pictures", "batches", "last holds", "pixels lost", "enlarged")
    body = [
        (
            f"{row.bucket[0]}×{row.bucket[1]}",
            str(len(row.uses)),
            str(row.batches),
            str(row.last or "all"),
            f"{row.lost:.1%}",
            str(row.enlarged or "-"),
        )
        for row in rows
    ]
    return tally.aligned([head, *body]) if body else []


def _sentences(
    uses: list[Use], rows: list[Row], ways: dict[str, float], settings: Settings
) -> list[str]:
    partial = sum(row.last > 0 for row in rows)
    batches = sum(row.batches for row in rows)
    worst = ", ".join(f"{use.picture.name} {use.lost:.0%}" for use in _worst(uses))
    enlarged = sorted((use for use in uses if use.enlarged > 1), key=lambda use: -use.enlarged)
    lines = [
        f"{_counted(len(uses), settings.repeats)}: {batches} batches of {settings.batch_size} an "
        f"epoch, {partial} of them not full; {_fewest(uses, settings)} if all could be mixed",
        f"pixels lost: {tally.mean_lost(uses):.1%} on average"
        + (f"; most: {worst}" if worst else ""),
    ]
    if enlarged:
        most = ", ".join(f"{use.picture.name} {use.enlarged:.2f}×" for use in enlarged[:WORST])
        lines.append(f"enlarged: {len(enlarged)} pictures; most: {most}")
    named = {"buckets": "with buckets", "kohya": "by kohya's rule", "one_size": "at one size"}
    compared = ", ".join(f"{ways[name]:.1%} {words}" for name, words in named.items())
    return [*lines, f"cut from the centre they would lose {compared}"]


def _counted(pictures: int, repeats: int) -> str:
    return f"{pictures} pictures" + (f", each {repeats} times" if repeats > 1 else "")


def _recrop(uses: list[Use]) -> list[str]:
    first = tally.to_recrop(uses)
    if not first:
        return []
    lines = [f"  {use.picture.name} {' and '.join(use.reasons)}" for use in first[:FIRST]]
    more = [f"  and {len(first) - FIRST} more"] if len(first) > FIRST else []
    return ["cut these anew first (dataprep crop --only NAME --mode …):", *lines, *more]
