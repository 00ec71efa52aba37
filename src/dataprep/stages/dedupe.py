"""``dataprep dedupe``: find pictures that show the same, keep the best, reject the others."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from pydantic import Field

from dataprep import similar
from dataprep.cleaning import likeness, verdict
from dataprep.dataset import NOTHING, Dataset
from dataprep.jobs import Job
from dataprep.journal import Change
from dataprep.looks import Look, looks
from dataprep.report import Issue, Report
from dataprep.settings import Selected as Base
from dataprep.similar import Group
from dataprep.stages.scan import refresh
from dataprep.store import Picture

SHOWN = 40
"""Groups that are listed for people; a machine gets all of them."""


class Settings(Base):
    """What counts as the same picture."""

    distance: Annotated[int, Field(ge=0, le=16)] = 10
    """By how many of their 64 bits the hashes of two copies may differ."""
    mirrored: bool = False
    """Find mirrored copies too."""
    turned: bool = False
    """Find copies turned by a quarter or by half too."""
    variants: bool = False
    """Take variants for copies: those that differ in one spot only, such as closed eyes."""
    exact: bool = False
    """Only files with the very same content; no picture is looked at."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Group the usable pictures and reject all but the best of each group, as one edit."""
    issues = yield from refresh(dataset, settings)
    decisions = dataset.decisions()
    pictures = dataset.usable(decisions)
    seen, unseen = yield from _seen(dataset, pictures, settings)
    kept = {p.name for p in pictures if decisions.get(p.name, NOTHING).verdict == "keep"}
    groups = yield from _groups(pictures, seen, settings, kept)
    by_name = {picture.name: picture for picture in pictures}
    changes = dataset.edit(_title(settings), _rejections(dataset, groups))
    rejected = sum(len(group.others) for group in groups)
    return Report(
        "dedupe",
        done=rejected,
        unchanged=len(pictures) - rejected,
        issues=(*issues, *unseen),
        changes=changes,
        facts=_facts(groups, by_name, seen, kept),
        lines=_lines(groups, by_name, kept),
        dry_run=dataset.dry_run,
    )


def _seen(
    dataset: Dataset, pictures: list[Picture], settings: Settings
) -> Job[tuple[dict[str, Look], list[Issue]]]:
    if settings.exact:
        return {}, []
    return (yield from looks(dataset, pictures))


def _groups(
    pictures: list[Picture], seen: dict[str, Look], settings: Settings, kept: Collection[str]
) -> Job[list[Group]]:
    variants = similar.variants(mirrored=settings.mirrored, turned=settings.turned)
    return (
        yield from similar.groups(
            pictures, seen, settings.distance, variants, spots=settings.variants, fixed=kept
        )
    )


def _rejections(dataset: Dataset, groups: list[Group]) -> list[Change]:
    return [
        change
        for group in groups
        for other in group.others
        for change in verdict(
            dataset, other.name, "reject", f"duplicate of {group.keep} ({likeness(other)})"
        )
    ]


def _title(settings: Settings) -> str:
    return "reject duplicates" + (" (exact)" if settings.exact else "")


def _facts(
    groups: list[Group],
    pictures: dict[str, Picture],
    seen: dict[str, Look],
    kept: Collection[str],
) -> dict[str, object]:
    """The groups; and of each, by the name of the best, why that is the best."""
    names = [name for group in groups for name in (group.keep, *(o.name for o in group.others))]
    looked = {name: seen.get(pictures[name].sha) for name in names}
    return {
        "groups": [_plain(group) for group in groups],
        "because": {group.keep: _because(group, pictures, seen, kept) for group in groups},
        "sharpness": {name: look.measures.sharpness for name, look in looked.items() if look},
    }


def _plain(group: Group) -> dict[str, object]:
    others = [
        {"name": other.name, "distance": other.distance, "kind": other.kind}
        for other in group.others
    ]
    return {"keep": group.keep, "others": others}


def _because(
    group: Group, pictures: dict[str, Picture], seen: dict[str, Look], kept: Collection[str]
) -> str:
    if group.keep in kept:
        return "hand"
    others = [pictures[other.name] for other in group.others]
    return similar.advantage(pictures[group.keep], others, seen)


def _lines(
    groups: list[Group], pictures: dict[str, Picture], kept: Collection[str]
) -> tuple[str, ...]:
    """Each group with its best picture first, then the sum."""
    if not groups:
        return (f"no duplicates among {len(pictures)} pictures",)
    lines = []
    for group in groups[:SHOWN]:
        by_hand = ", kept by hand" if group.keep in kept else ""
        lines.append(f"keep    {group.keep}  ({_size(pictures[group.keep])}{by_hand})")
        lines += [
            f"reject  {other.name}  ({_size(pictures[other.name])}, {likeness(other)})"
            for other in group.others
        ]
    if len(groups) > SHOWN:
        lines.append(f"… and {len(groups) - SHOWN} more groups (--json has all)")
    total = sum(len(group.others) for group in groups)
    return (*lines, f"{_count(total, 'duplicate')} in {_count(len(groups), 'group')}")


def _size(picture: Picture) -> str:
    return f"{picture.width}×{picture.height} {picture.format}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
