"""``dataprep background``: find the subject of every picture and decide what stands behind it."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import replace
from typing import Annotated, Self

import numpy as np
from pydantic import AfterValidator, Field, model_validator

from dataprep import masks
from dataprep.cluster import Engine
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import ALPHA, BLUR, Background, Decisions, encode, encode_background
from dataprep.errors import UsageError
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.matting import Finding, Source, find, missing_weights, read_matting
from dataprep.matting.contracts import Name
from dataprep.pool import ordered, threads
from dataprep.render import parse_colour
from dataprep.report import Issue, Report
from dataprep.selection import named
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

OWN = "own_background"
"""The decision, beside none about the background, of a picture that is to keep its own."""
TOOLS = ("invert", "largest", "grow", "feather")
CHOICES = {"composite", "palette", *TOOLS}


def _composite(value: str) -> str:
    if value in (ALPHA, BLUR):
        return value
    try:
        return _colour(value)
    except ValueError:
        raise ValueError(
            'must be "alpha", "blur", a colour as "#rrggbb", or a name of one'
        ) from None


def _palette(values: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return tuple(_colour(value) for value in values)
    except ValueError:
        raise ValueError('must be colours as "#rrggbb" or by name') from None


def _colour(value: str) -> str:
    return "#{:02x}{:02x}{:02x}".format(*parse_colour(value))


class Settings(Base, Engine):
    """Which model finds the subject, and what stands behind it."""

    model: str = ""
    """A name that rembg knows (isnet-anime, u2net …), an .onnx file, or "demo". Without it the
    masks stay, and so do those of the choices below that are not given."""
    composite: Annotated[str, AfterValidator(_composite)] = Field("white", validate_default=True)
    """A colour as "#rrggbb" or by name; "blur": the original out of focus; "alpha" keeps
    transparency."""
    palette: Annotated[tuple[str, ...], AfterValidator(_palette)] = ()
    """Colours instead of the composite: each picture gets one of them, the same at every run."""
    seed: int = 0
    """Another number deals the palette anew."""
    invert: bool = False
    """The subject is what the model takes for the background."""
    largest: bool = False
    """Keep only the largest connected piece of the subject."""
    grow: int = Field(default=0, ge=-1000, le=1000)
    """Grow the subject by so many pixels of the original; below 0: shrink it."""
    feather: int = Field(default=0, ge=0, le=1000)
    """Soften its edge over so many pixels of the original."""
    only: tuple[str, ...] = ()
    """Names or patterns of the pictures this is about; all if empty, but for those that were told
    by hand to keep their own background."""
    redo: bool = False
    """Find the subject again also where its mask is remembered."""
    device: Device = "auto"
    """Where the model runs; "auto" takes CUDA where it can."""
    contract: Name = "auto"
    """How an .onnx file is fed; "auto" goes by the size of its input."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model and not CHOICES & self.model_fields_set:
            raise ValueError("give --model, or what is to change of the backgrounds there are")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Make the masks that are missing, then decide the background as one edit."""
    source = None
    if settings.model:
        yield Progress(0, None, f"reading {settings.model}")
        source = read_matting(settings.model, settings.contract)
    issues = yield from refresh(dataset, settings)
    pictures = named(dataset, dataset.usable(), settings.only)
    rows = dataset.store.decisions()
    own = {p.name for p in pictures if OWN in rows.get(p.name, {}) and not settings.only}
    pictures = [picture for picture in pictures if picture.name not in own]
    plan = _planned(dataset, pictures, settings, source)
    issues += _undecided(pictures, plan)
    todo = _todo(dataset, pictures, settings, source)
    finding = Finding()
    if source is not None and not dataset.dry_run:
        finding = yield from find(dataset, source, list(todo.values()), settings.device, settings)
    coverage = yield from _measure(dataset, [p for p in pictures if p.name in plan], plan)
    if source is None or not dataset.dry_run:
        issues += finding.issues + _gone(plan.keys() - coverage.keys(), finding.issues)
        plan = {name: plan[name] for name in sorted(coverage)}
    issues += _doubtful(coverage)
    changes = dataset.edit(
        f"background {_what(settings, source)}" + (f" by {source.name}" if source else ""),
        [change for name, chosen in plan.items() for change in cut_out(dataset, name, chosen)],
    )
    changed = len({change.name for change in changes})
    cached = sum(picture.sha not in todo for picture in pictures) if source else 0
    decided = f"{changed} backgrounds {_would(dataset)}decided: {_what(settings, source)}"
    if own:
        decided += f"; {len(own)} keep their own, as told by hand"
    return Report(
        "background",
        done=changed,
        unchanged=len(plan) - changed,
        issues=tuple(issues),
        changes=changes,
        facts=_facts(settings, source, finding, coverage) | {"cached": cached},
        lines=_lines(dataset, source, finding, todo, cached, decided) if source else (decided,),
        dry_run=dataset.dry_run,
    )


def cut_out(dataset: Dataset, name: str, background: Background) -> tuple[Change, ...]:
    """The changes that give a picture a background."""
    return (
        dataset.decision_change(name, "background", encode_background(background)),
        dataset.decision_change(name, OWN, None),
    )


def kept(dataset: Dataset, name: str) -> tuple[Change, ...]:
    """The changes by which a picture keeps its own background, also when this stage runs again."""
    return (
        dataset.decision_change(name, "background", None),
        dataset.decision_change(name, OWN, encode(True)),
    )


def planned(picture: Picture, settings: Settings, model: str) -> Background:
    """What would be decided for a picture with the masks of a model (its key)."""
    return _chosen(picture, settings, Background(model, ""), CHOICES)


def _todo(
    dataset: Dataset, pictures: Sequence[Picture], settings: Settings, source: Source | None
) -> dict[str, Picture]:
    """Pictures without a mask of the model, by content: equal ones are looked at once."""
    if source is None:
        return {}
    return {
        picture.sha: picture
        for picture in pictures
        if settings.redo or not _is_found(dataset, picture, source.key)
    }


def _is_found(dataset: Dataset, picture: Picture, model: str) -> bool:
    """Whether a whole mask is there; a view may do with that of its original."""
    path = dataset.mask_file(picture, model)
    return path is not None and masks.covered(path) is not None


def _planned(
    dataset: Dataset, pictures: Sequence[Picture], settings: Settings, source: Source | None
) -> dict[str, Background]:
    """What is to be decided, by name; without a model only of pictures that have a background.

    Raises ``UsageError`` when that is none of them.
    """
    if source is not None:
        fresh = Background(source.key, "")
        return {p.name: _chosen(p, settings, fresh, CHOICES) for p in pictures}
    decided = dataset.decisions()
    plan = {
        picture.name: _chosen(picture, settings, old, settings.model_fields_set)
        for picture in pictures
        if (old := decided.get(picture.name, NOTHING).background) is not None
    }
    if pictures and not plan:
        raise UsageError("no picture has a background yet", "give --model, such as isnet-anime")
    return plan


def _chosen(picture: Picture, settings: Settings, old: Background, given: Set[str]) -> Background:
    """A background with the given choices of the settings in it."""
    tools = {name: getattr(settings, name) for name in TOOLS if name in given}
    if not given & {"composite", "palette"}:
        return replace(old, **tools)
    return replace(old, composite=_dealt(picture, settings), **tools)


def _dealt(picture: Picture, settings: Settings) -> str:
    """The picture's composite; of a palette one that depends on its content and the seed alone."""
    if not settings.palette:
        return settings.composite
    text = f"{settings.seed} background {picture.whole_sha or picture.sha}"
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
    return settings.palette[number % len(settings.palette)]


def _measure(
    dataset: Dataset, pictures: Sequence[Picture], plan: Mapping[str, Background]
) -> Job[dict[str, float]]:
    """The share that each finished mask covers, by name; of masks that are there."""
    coverage: dict[str, float] = {}

    def measured(picture: Picture) -> float | None:
        background = plan[picture.name]
        path = dataset.mask_file(picture, background.model)
        if path is None or path == dataset.mask_path(picture, background.model):
            return masks.coverage(path, background) if path else None
        part = dataset.render_mask(picture, Decisions(background=background))
        return masks.share(np.asarray(part))

    with closing(ordered(pictures, measured, threads(), threads())) as shares:
        for done, (picture, share) in enumerate(shares, start=1):
            if share is not None:
                coverage[picture.name] = share
            yield Progress(done, len(pictures), f"measuring {picture.name}")
    return coverage


def _gone(names: Set[str], known: Sequence[Issue]) -> list[Issue]:
    """Masks that should be there; what could not be read is known to be missing."""
    said = {issue.file for issue in known}
    reason = "its mask is gone; give --model to find its subject again"
    return [Issue(name, "mask", reason) for name in sorted(names - said)]


def _undecided(pictures: Sequence[Picture], plan: Mapping[str, Background]) -> list[Issue]:
    reason = "has no background yet, and stays as it is: give --model to find its subject"
    return [Issue(p.name, "mask", reason, fatal=False) for p in pictures if p.name not in plan]


def _doubtful(coverage: Mapping[str, float]) -> list[Issue]:
    return [
        Issue(name, "mask", _doubt(share), fatal=False)
        for name, share in coverage.items()
        if not masks.LEAST < share < masks.MOST
    ]


def _doubt(share: float) -> str:
    what = "no subject found" if share <= masks.LEAST else "everything is taken for the subject"
    return f"{what} ({share * 100:.0f} % of the picture)"


def _what(settings: Settings, source: Source | None) -> str:
    """The choices in words; without a model only those that are given."""
    given = CHOICES if source else settings.model_fields_set
    parts = []
    if settings.palette:
        parts.append(f"one of {', '.join(settings.palette)}")
    elif "composite" in given:
        parts.append(settings.composite)
    tools = {name: getattr(settings, name) for name in TOOLS if name in given}
    # without a model a tool that is off was perhaps turned off
    parts += [_tool(name, value) for name, value in tools.items() if value or source is None]
    return ", ".join(parts)


def _tool(name: str, value: int) -> str:
    if not value:
        return f"no {name}"
    return name if value is True else f"{name} {value}"


def _facts(
    settings: Settings, source: Source | None, finding: Finding, coverage: Mapping[str, float]
) -> dict[str, object]:
    return {
        "model": source.key if source else "",
        "composite": list(settings.palette) or settings.composite,
        "device": finding.device,
        "img_per_s": round(finding.per_second, 1),
        "coverage": {name: round(share, 4) for name, share in coverage.items()},
    }


def _lines(
    dataset: Dataset,
    source: Source,
    finding: Finding,
    todo: Collection[str],
    cached: int,
    decided: str,
) -> tuple[str, ...]:
    found = len(todo) if dataset.dry_run else len(finding.coverage)
    where = f" on {finding.device} ({finding.per_second:.1f} img/s)" if finding.device else ""
    line = f"{found} subjects {_would(dataset)}found with {source.name}{where}, {cached} remembered"
    remarks = [finding.remark] if finding.remark else []
    if dataset.dry_run and todo and missing_weights(source):
        remarks.append(f"rembg would fetch {source.name} first")
    return (f"{line}; {decided}", *remarks)


def _would(dataset: Dataset) -> str:
    return "would be " if dataset.dry_run else ""
