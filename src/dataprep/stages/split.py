"""``dataprep split``: make pictures of their own out of parts of large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import partial
from typing import Annotated, Literal

from pydantic import Field

from dataprep import target as targets
from dataprep import views
from dataprep.buckets import Target
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Decisions, View, encode, encode_views
from dataprep.figures import Figures, opened
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.selection import named, unfiltered
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

SPLIT = "split"
"""Why a whole picture is left out when its views stand for it."""


class Settings(Base):
    """How pictures are split, and which."""

    mode: Literal["tiles", "head-body", "none"] = "tiles"
    """Overlapping tiles; or head and upper body of standing figures, found by the background's
    mask, else by a face detector; "none" takes the views back."""
    size: Annotated[int, Field(ge=0, le=4096)] = 0
    """Side a view is trained at (pixels): no view is enlarged. 0: as crop decided, else 512."""
    larger_than: Annotated[float, Field(ge=1, le=1000)] = 4.0
    """Tiles are made of pictures with more than so many times the pixels of the size."""
    shrink: Annotated[float, Field(ge=1, le=16)] = 2.0
    """Tiles are scaled down at most so many times: with 1 they keep every pixel."""
    overlap: Annotated[float, Field(ge=0, le=0.5)] = 0.15
    """Share of its side by which a tile at least overlaps the next."""
    keep_whole: bool = True
    """Train on the whole picture beside its views."""
    only: tuple[str, ...] = ()
    """Names or patterns of the pictures this is about, such as "*_sheet.png"."""


Finder = Callable[[Picture], "tuple[View, ...] | Issue"]
"""The views of a picture, or why there are none. Raises ``BadImage``."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Decide the views of every picture, or of those named, as one edit with their captions."""
    issues = yield from refresh(dataset, settings)
    decisions = dataset.decisions()
    files = [picture for picture in dataset.pictures() if not picture.file]
    pictures = [p for p in named(dataset, files, settings.only) if _takes_part(p, decisions)]
    target = _target(dataset, settings)
    found, remarks = yield from _find(dataset, pictures, decisions, settings, target)
    with unfiltered(dataset):
        taken = {picture.name for picture in dataset.pictures() if not picture.file}
    issues += [*remarks, *_without_taken(found, taken)]
    rows = dataset.store.decisions()
    changes: list[Change] = []
    for picture, new in found.items():
        own = decisions.get(picture.name, NOTHING)
        changes += _own_changes(dataset, picture, own, new, settings)
        changes += _view_changes(dataset, picture, own.views, new, rows)
        issues += _left_captions(dataset, picture, own.views, new)
    made = dataset.edit(f"split: {settings.mode}", changes)
    changed = {change.name for change in made} & {picture.name for picture in found}
    split = {picture.name: new for picture, new in found.items() if new}
    return Report(
        "split",
        done=len(changed),
        unchanged=len(pictures) - len(changed),
        issues=tuple(issues),
        changes=made,
        facts={"views": {name: [[v.label, *v.box] for v in new] for name, new in split.items()}},
        lines=_lines(split, len(pictures), settings, target),
        dry_run=dataset.dry_run,
    )


def _takes_part(picture: Picture, decisions: Mapping[str, Decisions]) -> bool:
    """Whether it can be read and is not rejected, but for an earlier split."""
    own = decisions.get(picture.name, NOTHING)
    return not picture.reason and (own.verdict != "reject" or own.why == SPLIT)


def _target(dataset: Dataset, settings: Settings) -> Target:
    decided = targets.read(dataset.store)
    if settings.size or decided is None:
        side = settings.size or 512
        return Target((side, side))
    return decided


def _find(
    dataset: Dataset,
    pictures: Sequence[Picture],
    decisions: Mapping[str, Decisions],
    settings: Settings,
    target: Target,
) -> Job[tuple[dict[Picture, tuple[View, ...]], list[Issue]]]:
    """The views of every picture, and why some have none."""
    found: dict[Picture, tuple[View, ...]] = {}
    issues: list[Issue] = []
    with ExitStack() as open_:
        finder = _finder(dataset, decisions, settings, target, open_)

        def work(picture: Picture) -> tuple[View, ...] | Issue:
            try:
                return finder(picture)
            except BadImage as error:
                return Issue(picture.name, "unreadable", error.message)

        outcomes = open_.enter_context(closing(ordered(pictures, work, threads(), 2 * threads())))
        for done, (picture, outcome) in enumerate(outcomes, start=1):
            if not isinstance(outcome, Issue):
                found[picture] = outcome
            else:
                issues.append(outcome)
                if not outcome.fatal:
                    # the last run decides: what gets no views now keeps none of an earlier one
                    found[picture] = ()
            yield Progress(done, len(pictures), picture.name)
    return found, issues


def _finder(
    dataset: Dataset,
    decisions: Mapping[str, Decisions],
    settings: Settings,
    target: Target,
    open_: ExitStack,
) -> Finder:
    match settings.mode:
        case "none":
            return lambda picture: ()
        case "tiles":
            return partial(_tiles, settings, target)
        case "head-body":
            figures = open_.enter_context(opened(dataset, decisions))
            return partial(_parts, figures, target, settings.keep_whole)


def _tiles(settings: Settings, target: Target, picture: Picture) -> tuple[View, ...]:
    width, height = target.resolution
    if picture.width * picture.height <= settings.larger_than * width * height:
        return ()
    full = (picture.width, picture.height)
    return views.tiles(full, target.resolution, settings.shrink, settings.overlap)


def _parts(
    figures: Figures, target: Target, keep_whole: bool, picture: Picture
) -> tuple[View, ...] | Issue:
    """Head, upper body and, where it is not the picture itself, body."""
    parts = figures.parts(picture)
    if isinstance(parts, Issue):
        return parts
    if "head" not in parts:
        return ()
    full = (picture.width, picture.height)
    boxes = {label: views.fitted(part, full, target) for label, part in parts.items()}
    if boxes["head"] is None and boxes.get("upper") is None:
        what = f"neither its head nor its upper body fills {targets.title(target)}"
        return Issue(picture.name, "small", what, fatal=False)
    if not keep_whole:
        boxes["body"] = boxes["body"] or (0, 0, *full)
    return tuple(
        View(label, box)
        for label, box in boxes.items()
        if box and (views.differs(box, full) or (label == "body" and not keep_whole))
    )


def _without_taken(found: dict[Picture, tuple[View, ...]], taken: set[str]) -> Iterator[Issue]:
    """Leave out views whose name a file has, and say so."""
    for picture, new in found.items():
        for view in new:
            if (name := picture.view(view).name) in taken:
                found[picture] = tuple(other for other in found[picture] if other != view)
                yield Issue(name, "name", f"is a file, so {picture.name} gets no such view", False)


def _own_changes(
    dataset: Dataset, picture: Picture, own: Decisions, new: tuple[View, ...], settings: Settings
) -> Iterator[Change]:
    """The views of a picture, and whether it is trained on itself."""
    yield dataset.decision_change(picture.name, "views", encode_views(new) if new else None)
    stands_in = bool(new) and not settings.keep_whole and own.verdict != "keep"
    if stands_in or own.why == SPLIT:
        verdict, why = (encode("reject"), encode(SPLIT)) if stands_in else (None, None)
        yield dataset.decision_change(picture.name, "verdict", verdict)
        yield dataset.decision_change(picture.name, "why", why)


def _view_changes(
    dataset: Dataset,
    picture: Picture,
    old: tuple[View, ...],
    new: tuple[View, ...],
    rows: Mapping[str, Mapping[str, str]],
) -> Iterator[Change]:
    """Forget what was decided about views that move or go; new ones begin like the whole.

    They get its caption and its background: their part of its mask is theirs.
    """
    before = {picture.view(view).name: view.box for view in old}
    after = {picture.view(view).name: view.box for view in new}
    text = _caption(dataset, picture.name)
    background = rows.get(picture.name, {}).get("background")
    for name, box in before.items():
        if after.get(name) != box:
            inherits = background is not None and name in after
            for key in rows.get(name, {}).keys() - ({"background"} if inherits else set()):
                yield dataset.decision_change(name, key, None)
        if name not in after and text is not None and _caption(dataset, name) == text:
            yield Change("caption", name, "", text, None)
    for name, box in after.items():
        if text is not None and not dataset.caption_path(name).exists():
            yield Change("caption", name, "", None, text)
        if background is not None and before.get(name) != box:
            old_background = rows.get(name, {}).get("background")
            yield Change("decision", name, "background", old_background, background)


def _left_captions(
    dataset: Dataset, picture: Picture, old: tuple[View, ...], new: tuple[View, ...]
) -> Iterator[Issue]:
    """Captions of views that go: one that was worked on is somebody's, and stays."""
    labels = {view.label for view in new}
    for name in (picture.view(view).name for view in old if view.label not in labels):
        path = dataset.caption_path(name)
        if path.exists() and _caption(dataset, name) != _caption(dataset, picture.name):
            what = f"is no view now; its caption {path.name} was changed, and stays"
            yield Issue(name, "orphan-caption", what, fatal=False)


def _caption(dataset: Dataset, name: str) -> str | None:
    """The exact caption; None as well for one that cannot be read, of which the scan tells."""
    try:
        return dataset.caption_text(name)
    except BadImage:
        return None


def _lines(
    split: Mapping[str, tuple[View, ...]], pictures: int, settings: Settings, target: Target
) -> tuple[str, ...]:
    if settings.mode == "none":
        return ("whole pictures: nothing is split",)
    if not split:
        return (f"none of {pictures} pictures is split: {_condition(settings, target)}",)
    total = sum(len(new) for new in split.values())
    whole = "are trained on too" if settings.keep_whole else "are left out"
    shown = [
        f"{name}: "
        + ", ".join(f"{v.label} {v.box[2] - v.box[0]}×{v.box[3] - v.box[1]}" for v in new)
        for name, new in split.items()
    ]
    return (
        *_first(shown),
        f"{len(split)} of {pictures} pictures split into {total} views; the whole ones {whole}",
    )


SHOWN = 40


def _first(lines: list[str]) -> list[str]:
    if len(lines) <= SHOWN:
        return lines
    return [*lines[:SHOWN], f"… and {len(lines) - SHOWN} more (--json has all)"]


def _condition(settings: Settings, target: Target) -> str:
    if settings.mode == "tiles":
        return f"none has more than {settings.larger_than:g} times the pixels of " + targets.title(
            target
        )
    return f"no standing figure is large enough for {targets.title(target)}"
