"""``dataprep crop``: decide which part of every picture is trained on, and at what size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from dataprep import target as targets
from dataprep.buckets import Target
from dataprep.dataset import Dataset
from dataprep.decisions import Box, Crop, encode, encode_crop
from dataprep.focus import finders, region, summary
from dataprep.focus.cut import Cutter, whole
from dataprep.focus.finders import Finder
from dataprep.focus.hand import REGION, hand_region
from dataprep.focus.place import Focus
from dataprep.focus.trim import without_borders
from dataprep.jobs import Job, Progress
from dataprep.journal import PROJECT, Change
from dataprep.report import Issue, Report
from dataprep.selection import named
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture
from dataprep.weights import find_faces_model

MUCH_CUT, WORTH = 0.15, 0.05
"""From this loss on buckets are compared, and told of when they lose less by so much."""


def _region(text: str) -> str:
    if text:
        region.parse(text)
    return text


class Settings(Base):
    """How pictures are cut and sized."""

    size: int = Field(512, ge=32, le=4096)
    """Side of the square, or of the square whose area the buckets share (pixels)."""
    buckets: bool = False
    """Several aspect ratios of about the same area, as the trainer buckets them."""
    min_size: int | None = Field(None, ge=32, le=4096)
    """Shortest side of a bucket (pixels), at most the size; without it 256, or half the size where
    that is less."""
    max_size: int | None = Field(None, ge=32, le=4096)
    """Longest side of a bucket (pixels), at least the size; without it 1024, or twice the size
    where that is more."""
    step: int = Field(64, ge=32, le=256, multiple_of=32)
    """Every side is a multiple of this (pixels): 64, or 32 for buckets that lose less."""
    upscale: bool = True
    """Enlarge pictures that are smaller than their bucket; if not, they get a smaller one."""
    mode: Literal["centre", "face", "saliency", "foreground", "box", "none"] = "centre"
    """Where the cut lies: the middle; the largest face (photographs; drawn faces are often missed);
    the liveliest part; the subject of the background's mask; the box you give; "none" takes the
    decision back and keeps the whole picture."""
    margin: float = Field(0.1, ge=0, le=2)
    """Room around a face or subject, as a share of its longer side."""
    tight: bool = False
    """Go as close to the face or subject as can be without enlarging anything."""
    trim: bool = False
    """Leave out borders of one colour first."""
    box: Annotated[str, AfterValidator(_region)] = ""
    """For mode box, "left, top, right, bottom" in pixels of the upright picture, or in percent:
    "10%, 0, 90%, 100%"."""
    only: tuple[str, ...] = ()
    """Names or patterns of the pictures this is about, such as "*_portrait.png"."""
    redo: bool = False
    """Decide anew also where a box was given by hand; otherwise those boxes only change size."""
    face_model: str = ""
    """YuNet's .onnx file, when it does not lie among the models."""

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        sides = {"size": self.size, "min_size": self.min_size, "max_size": self.max_size}
        targets.check_step({name: side for name, side in sides.items() if side}, self.step)
        if not self.upscale and not self.buckets:
            raise ValueError("--no-upscale needs --buckets: without them there is only one size")
        if self.tight and self.mode not in ("face", "foreground"):
            raise ValueError("--tight goes with --mode face or --mode foreground")
        if (self.mode == "box") != bool(self.box) or (self.box and not self.only):
            raise ValueError("a box by hand needs all of --mode box, --box and --only")
        return self

    @property
    def partial(self) -> bool:
        """Whether this is about some pictures, and says nothing of the project."""
        return bool(self.only or self.where)

    def target(self) -> Target:
        """The sizes these settings ask for."""
        target = targets.of_size(self.size, self.step)
        return replace(
            target,
            buckets=self.buckets,
            min_size=min(self.min_size or target.min_size, self.size),
            max_size=max(self.max_size or target.max_size, self.size),
            no_upscale=not self.upscale,
        )


Rows = Mapping[str, Mapping[str, str]]
"""Stored decisions: JSON text by picture name and key."""
ON_PURPOSE = frozenset({"box", "none"})
"""The modes whose loss is what was asked for."""
LOOKING = {"face": "a face", "saliency": "a place", "foreground": "a subject"}
"""The modes that look at pixels, and what they find."""
TARGET_FIELDS = frozenset({"size", "buckets", "min_size", "max_size", "step", "upscale"})


@dataclass
class Basis:
    """What the cuts of a run are made from, by picture name."""

    bounds: dict[str, Box]
    """What of a picture may be used."""
    regions: dict[str, Box] = field(default_factory=dict)
    """What a person chose."""
    focuses: dict[str, Focus] = field(default_factory=dict)
    """What a cut should show; without one it is centred."""
    unread: set[str] = field(default_factory=set)
    """Pictures that could not be read; they keep what was decided."""
    trimmed: int = 0
    """How many have borders that are left out."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Decide a crop for every usable picture, or those named, as one edit."""
    model = find_faces_model(settings.face_model) if settings.mode == "face" else Path()
    issues = yield from refresh(dataset, settings)
    pictures = named(dataset, dataset.usable(), settings.only)
    rows = dataset.store.decisions()
    stored = targets.read(dataset.store)
    target = _target(settings, stored)
    basis = Basis({picture.name: whole(picture) for picture in pictures})
    issues += _regions(basis, pictures, rows, settings)
    if settings.trim:
        issues += yield from _trim(dataset, pictures, basis)
    issues += yield from _look(dataset, pictures, basis, target, settings, model)
    cutter = Cutter(target)
    cuts: dict[Picture, Crop | None] = {}
    for done, picture in enumerate(pictures, start=1):
        if picture.name not in basis.unread:
            cuts[picture] = _cut(picture, cutter, basis, settings)
        yield Progress(done, len(pictures), picture.name)
    rows = dataset.store.decisions()  # looking takes a while, in which others may decide
    changes = [change for cut in cuts.items() for change in _changes(*cut, rows, basis)]
    if not settings.partial or stored is None:
        changes.append(_target_change(rows, target if any(cuts.values()) else None))
    made = dataset.edit(_title(settings, target), changes)
    crops = {picture: crop for picture, crop in cuts.items() if crop}
    issues += summary.enlarged(crops)
    if settings.partial and stored is not None:
        issues += summary.strangers(crops, stored)
    changed = len({change.name for change in made} - {PROJECT})
    return Report(
        "crop",
        done=changed,
        unchanged=len(cuts) - changed,
        issues=tuple(issues),
        changes=made,
        facts=_facts(crops, basis, target),
        lines=_lines(crops, settings, target, basis),
        dry_run=dataset.dry_run,
    )


def _target(settings: Settings, stored: Target | None) -> Target:
    """The sizes of this run; one that takes cuts back or is about a few pictures has none to say.

    Unless it says so: a size that is given is taken.
    """
    given = TARGET_FIELDS & settings.model_fields_set
    if stored is not None and (settings.mode == "none" or (settings.partial and not given)):
        return stored
    return settings.target()


def _regions(basis: Basis, pictures: list[Picture], rows: Rows, settings: Settings) -> list[Issue]:
    """Note what a person chose, now or before; the issues of pictures where it does not fit."""
    issues = []
    if settings.mode == "box":
        asked = region.parse(settings.box)
        for picture in pictures:
            box = asked.within(picture.width, picture.height)
            if box is None:
                basis.unread.add(picture.name)
                reason = f"the box {settings.box} lies outside its {picture.width}×{picture.height}"
                issues.append(Issue(picture.name, "box", reason))
            else:
                basis.regions[picture.name] = box
    elif not settings.redo and not settings.only:
        for picture in pictures:
            kept = hand_region(picture, rows.get(picture.name, {}))
            if kept is not None:
                basis.regions[picture.name] = kept
    return issues


def _trim(dataset: Dataset, pictures: list[Picture], basis: Basis) -> Job[list[Issue]]:
    boxes, issues = yield from without_borders(dataset, pictures)
    basis.unread |= basis.bounds.keys() - boxes.keys()
    basis.trimmed = sum(box != basis.bounds[name] for name, box in boxes.items())
    basis.bounds |= boxes
    return issues


def _look(
    dataset: Dataset,
    pictures: list[Picture],
    basis: Basis,
    target: Target,
    settings: Settings,
    model: Path,
) -> Job[list[Issue]]:
    """Find what the cuts should show, where the mode asks for that; why some show the centre."""
    if settings.mode not in LOOKING:
        return []
    todo = [p for p in pictures if p.name not in basis.unread and p.name not in basis.regions]
    with _finder(dataset, Cutter(target), settings, model) as find:
        basis.focuses, issues = yield from finders.look(todo, basis.bounds, find)
    basis.unread |= {issue.file for issue in issues if issue.fatal}
    return issues


@contextmanager
def _finder(dataset: Dataset, cutter: Cutter, settings: Settings, model: Path) -> Iterator[Finder]:
    if settings.mode == "face":
        with finders.by_face(dataset, model, settings.margin) as find:
            yield find
    elif settings.mode == "foreground":
        yield finders.by_mask(dataset, dataset.decisions(), settings.margin)
    else:
        yield finders.by_saliency(dataset, cutter)


def _cut(picture: Picture, cutter: Cutter, basis: Basis, settings: Settings) -> Crop | None:
    bounds = basis.bounds[picture.name]
    if picture.name in basis.regions:
        return cutter.by_hand(whole(picture), basis.regions[picture.name])
    if settings.mode == "none":
        return None
    focus = basis.focuses.get(picture.name)
    if focus is None:
        return cutter.centred(bounds)
    place = cutter.close if settings.tight else cutter.over
    return place(bounds, focus, settings.mode)


def _changes(picture: Picture, crop: Crop | None, rows: Rows, basis: Basis) -> Iterator[Change]:
    """The crop, and beside one made by hand what the person asked for."""
    before = rows.get(picture.name, {})
    chosen = basis.regions.get(picture.name)
    after = {
        "crop": encode_crop(crop) if crop else None,
        REGION: encode(chosen) if chosen else None,
    }
    for key, text in after.items():
        yield Change("decision", picture.name, key, before.get(key), text)


def _target_change(rows: Rows, target: Target | None) -> Change:
    text = targets.encoded(target) if target else None
    return Change("decision", PROJECT, targets.KEY, rows.get(PROJECT, {}).get(targets.KEY), text)


def _title(settings: Settings, target: Target) -> str:
    what = "nothing" if settings.mode == "none" else targets.title(target)
    how = "" if settings.mode in ("none", "centre") else f" by {settings.mode}"
    return f"crop to {what}{how}" + (f": {', '.join(settings.only)}" if settings.only else "")


def _facts(crops: Mapping[Picture, Crop], basis: Basis, target: Target) -> dict[str, Any]:
    return {
        **summary.facts(crops),
        "target": asdict(target) if crops else None,
        "placed": len(basis.focuses),
        "trimmed": basis.trimmed,
        "by_hand": len(basis.regions),
    }


def _lines(
    crops: Mapping[Picture, Crop], settings: Settings, target: Target, basis: Basis
) -> tuple[str, ...]:
    none = "whole pictures: nothing is cut" if settings.mode == "none" else "no picture is cut"
    lines = [summary.sentence(crops) if crops else none]
    if settings.mode in LOOKING:
        looked_at = len(crops) - len(basis.regions)
        lines.append(f"{LOOKING[settings.mode]} found in {len(basis.focuses)} of {looked_at}")
    if settings.trim:
        lines.append(f"borders left out of {basis.trimmed}")
    if basis.regions and settings.mode != "box":
        lines.append(f"{len(basis.regions)} boxes given by hand are kept; --redo decides them anew")
    lost, on_purpose = summary.mean_lost(crops), settings.tight or settings.mode in ON_PURPOSE
    if lost > MUCH_CUT and not target.buckets and not on_purpose:
        bucketed = Cutter(targets.of_size(target.resolution[0], target.step))
        less = summary.mean_lost({p: bucketed.centred(basis.bounds[p.name]) for p in crops})
        if less < lost - WORTH:
            lines.append(f"with --buckets it would be {less:.0%}")
    return tuple(lines)
