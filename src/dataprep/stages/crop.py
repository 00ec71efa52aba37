"""``dataprep crop``: decide which part of every picture is trained on, and at what size."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dataprep import buckets
from dataprep.dataset import Dataset
from dataprep.decisions import Crop, encode_crop
from dataprep.jobs import Job, Progress
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

GRID = 64
MUCH_CUT = 0.15


def _on_grid(value: int) -> int:
    if value % GRID:
        below = value // GRID * GRID
        raise ValueError(f"must be a multiple of {GRID}, such as {below} or {below + GRID}")
    return value


Side = Annotated[int, Field(ge=GRID, le=4096), AfterValidator(_on_grid)]


class Settings(Base):
    """How pictures are cut and sized."""

    size: Side = 512
    """Side of the square, or of the square whose area the buckets share (pixels)."""
    buckets: bool = False
    """Several aspect ratios of about the same area, as the trainer buckets them."""
    min_size: Side = 256
    """Shortest side of a bucket (pixels); never above the size."""
    max_size: Side = 1024
    """Longest side of a bucket (pixels); never below the size."""
    mode: Literal["centre", "none"] = "centre"
    """Where the cut lies; "none" takes the decision back and keeps the whole picture."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Decide a crop for every usable picture, as one edit."""
    issues = yield from refresh(dataset)
    pictures = dataset.usable()
    crops: dict[str, Crop | None] = {}
    for done, picture in enumerate(pictures, start=1):
        crops[picture.name] = None if settings.mode == "none" else decide(picture, settings)
        yield Progress(done, len(pictures), picture.name)
    changes = dataset.edit(
        f"crop to {_target(settings)}",
        [
            dataset.decision_change(name, "crop", encode_crop(crop) if crop else None)
            for name, crop in crops.items()
        ],
    )
    cut = {picture: crop for picture in pictures if (crop := crops[picture.name])}
    issues += [
        Issue(picture.name, "small", _enlarged(crop), fatal=False)
        for picture, crop in cut.items()
        if crop.box[2] - crop.box[0] < crop.width
    ]
    return Report(
        "crop",
        done=len(changes),
        unchanged=len(pictures) - len(changes),
        issues=tuple(issues),
        changes=changes,
        facts=_facts(cut),
        lines=_lines(cut, settings),
        dry_run=dataset.dry_run,
    )


def decide(picture: Picture, settings: Settings) -> Crop:
    """The centred cut of a picture for these settings."""
    sizes = [(settings.size, settings.size)]
    if settings.buckets:
        sizes = list(
            buckets.make_buckets(
                sizes[0],
                min(settings.min_size, settings.size),
                max(settings.max_size, settings.size),
                GRID,
            )
        )
    width, height = buckets.choose(picture.width, picture.height, tuple(sizes))
    return centred(picture.width, picture.height, width, height)


def centred(full_width: int, full_height: int, width: int, height: int) -> Crop:
    """The largest box of the aspect width:height in the middle of a picture (pixels)."""
    scale = min(full_width / width, full_height / height)
    box_width = max(1, min(full_width, round(width * scale)))
    box_height = max(1, min(full_height, round(height * scale)))
    left, top = (full_width - box_width) // 2, (full_height - box_height) // 2
    return Crop((left, top, left + box_width, top + box_height), width, height)


def _target(settings: Settings) -> str:
    if settings.mode == "none":
        return "nothing"
    return f"{settings.size} px" + (" buckets" if settings.buckets else "")


def _enlarged(crop: Crop) -> str:
    factor = crop.width / (crop.box[2] - crop.box[0])
    return f"is enlarged {factor:.1f}× to reach {crop.width}×{crop.height}"


def _lost(picture: Picture, crop: Crop) -> float:
    left, top, right, bottom = crop.box
    return 1 - (right - left) * (bottom - top) / (picture.width * picture.height)


def _facts(cut: dict[Picture, Crop]) -> dict[str, object]:
    sizes = Counter(f"{crop.width}x{crop.height}" for crop in cut.values())
    return {"sizes": dict(sizes), "pixels_lost": _mean_lost(cut) if cut else 0.0}


def _lines(cut: dict[Picture, Crop], settings: Settings) -> tuple[str, ...]:
    if not cut:
        return ("whole pictures: nothing is cut",)
    sizes = Counter((crop.width, crop.height) for crop in cut.values())
    listed = ", ".join(f"{count} at {w}×{h}" for (w, h), count in sizes.most_common())
    lost = _mean_lost(cut)
    lines = [f"{len(cut)} pictures: {listed}; {lost * 100:.0f} % of their pixels are cut away"]
    if lost > MUCH_CUT and not settings.buckets:
        bucketed = settings.model_copy(update={"buckets": True})
        less = _mean_lost({picture: decide(picture, bucketed) for picture in cut})
        if less < lost - 0.05:
            lines.append(f"with --buckets it would be {less * 100:.0f} %")
    return tuple(lines)


def _mean_lost(cut: dict[Picture, Crop]) -> float:
    return sum(_lost(picture, crop) for picture, crop in cut.items()) / len(cut)
