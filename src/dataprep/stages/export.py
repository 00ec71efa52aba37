"""``dataprep export``: every picture rendered once into the folder that is trained on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from dataprep import files, layout
from dataprep.dataset import Dataset
from dataprep.decisions import ALPHA
from dataprep.errors import UsageError
from dataprep.exporting import sharding
from dataprep.exporting.drawing import Brought, Drawer, bring_spread
from dataprep.exporting.manifest import Manifest
from dataprep.exporting.plan import Plan, make_plan
from dataprep.exporting.repeats import steps_of
from dataprep.exporting.settings import Settings
from dataprep.exporting.train_file import write_train_file
from dataprep.exporting.train_values import train_values
from dataprep.exporting.writer import Form, Item, NotOurs, bring, is_current
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.originals import Originals
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.stages.scan import refresh
from dataprep.weights import find_base


@dataclass(slots=True)
class Outcome:
    """What an export did."""

    written: int = 0
    removed: int = 0
    kept_keys: tuple[str, ...] = ()


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Render and caption every usable picture; what is there and unchanged is left alone."""
    issues = yield from refresh(dataset, settings)
    if settings.out.resolve() == dataset.root:
        raise UsageError(f"{settings.out}: is the project itself", "give a folder of its own")
    base = find_base(settings.base) if settings.base else ""
    plan = make_plan(dataset, settings)
    if not plan.items and settings.where:
        # the folder would be emptied, and a training begun on nothing
        what = f"the filter holds for no usable picture: {settings.where}"
        raise UsageError(what, "see `dataprep list`; the training folder stays as it is")
    if not plan.items:
        raise UsageError(f"{dataset.root}: no picture to export", "see `dataprep scan`")
    _check_alpha(settings, plan)
    manifest = Manifest(settings.out)
    sharding.check(settings.out, manifest, settings.shards)
    if settings.shards:
        try:
            return (yield from sharding.write(dataset, settings, manifest, plan, issues))
        finally:
            manifest.close()
    if dataset.dry_run:
        return _dry(settings, manifest, plan, issues)
    layout.make(settings.out)
    outcome = Outcome()
    # first of all: train.toml marks the folder as an export, no project's pictures lie in it
    facts, defaults = train_values(dataset, settings, base, plan)
    path = settings.out / layout.TRAIN_FILE
    train = write_train_file(path, facts, defaults, manifest.train)
    manifest.train, outcome.kept_keys = train.values, train.kept
    issues += yield from _write(dataset, settings, manifest, plan, outcome)
    return _report(settings, manifest, plan, outcome, issues)


def _check_alpha(settings: Settings, plan: Plan) -> None:
    for item in plan.items:
        background = item.decisions.background
        if settings.format == "jpg" and background and background.composite == ALPHA:
            raise UsageError(
                f"{item.picture.name} has a transparent background, and jpg has no alpha",
                "give --format png or webp, or `dataprep background --composite white`",
            )


def _write(
    dataset: Dataset, settings: Settings, manifest: Manifest, plan: Plan, outcome: Outcome
) -> Job[list[Issue]]:
    """Bring the folders up to date; the issues of what could not be written, or is not ours."""
    try:
        issues = _folders(settings.out, manifest, plan)
        issues += yield from _bring_all(dataset, settings, manifest, plan, outcome)
        wanted = {name for item in plan.items for name in item.wanted(settings.form)}
        issues += _remove_stale(manifest, wanted, outcome)
        issues += _unknown(settings.out, manifest, plan)
        yield from _flush(manifest)
        manifest.save()
    finally:
        manifest.close()
    return issues


def _folders(out: Path, manifest: Manifest, plan: Plan) -> list[Issue]:
    """Make the folders of the parts; one of the same concept with other repeats is renamed."""
    issues = []
    for part in {item.part for item in plan.items}:
        folder = out / part.folder
        for other in layout.siblings(folder):
            old = other.relative_to(out).as_posix()
            ours = any(name.startswith(f"{old}/") for name in manifest.names())
            if ours and not folder.exists():
                other.rename(folder)
                manifest.rename_folder(old, part.folder)
            else:
                reason = "another folder of this concept is trained as well"
                issues.append(Issue(old, "layout", reason, fatal=False))
        folder.mkdir(exist_ok=True)
        files.sweep(folder)
    return issues


def _bring_all(
    dataset: Dataset, settings: Settings, manifest: Manifest, plan: Plan, outcome: Outcome
) -> Job[list[Issue]]:
    issues: list[Issue] = []
    form = settings.form
    items = [item for item in plan.items if not is_current(manifest, item, form)]
    for folder in {name.rpartition("/")[0] for item in items for name in item.wanted(form)}:
        (settings.out / folder).mkdir(parents=True, exist_ok=True)
    done, note = 0, settings.out.name
    yield Progress(done, len(items), note)
    originals = Originals(dataset.root, dataset.max_pixels)
    if items and settings.is_spread:
        drawer = Drawer(originals, settings.out.resolve(), form)
        results = bring_spread(settings, drawer, manifest, items)
    else:
        results = _bring_here(originals, manifest, items, form)
    with closing(results):
        for one in results:
            if one is not None:
                done, note, result = done + 1, one[0].picture.name, one[1]
                issues += [result] if isinstance(result, Issue) else []
                outcome.written += result is True
            yield Progress(done, len(items), note)
    # a cluster brings them as they are done
    return sorted(issues, key=lambda issue: issue.file)


def _bring_here(
    originals: Originals, manifest: Manifest, items: Sequence[Item], form: Form
) -> Brought:
    def work(item: Item) -> bool | Issue:
        try:
            return bring(originals, manifest, item, form)
        except BadImage as error:
            return Issue(item.picture.name, "unreadable", error.message)
        except NotOurs as error:
            return Issue(item.picture.name, "kept", error.message)

    with closing(ordered(items, work, threads(), 2 * threads())) as results:
        yield from results


def _remove_stale(manifest: Manifest, wanted: set[str], outcome: Outcome) -> list[Issue]:
    """Take out what an earlier export wrote and is no longer wanted; what was edited stays."""
    issues = []
    stale = [name for name in manifest.names() if name not in wanted]
    for name in stale:
        state, _ = manifest.look(name)
        if state == "ours":
            manifest.remove(name)
            outcome.removed += not name.endswith(".txt")
            continue
        if state == "foreign":
            reason = "is no longer exported, but was edited, and is kept"
            issues.append(Issue(name, "kept", reason, fatal=False))
        manifest.forget(name)
    for folder in {manifest.path(name).parent for name in stale}:
        # one that still holds anything stays
        with suppress(OSError):
            folder.rmdir()
    return issues


def _unknown(out: Path, manifest: Manifest, plan: Plan) -> list[Issue]:
    """Files in our folders that no export wrote: left alone, and named."""
    issues = []
    for folder in sorted({item.part.folder for item in plan.items}):
        with os.scandir(out / folder) as found:
            names = sorted(entry.name for entry in found if entry.is_file())
        for name in names:
            # kohya's latent caches lie beside the pictures
            ours = name.startswith(".") or name.endswith(".npz")
            if not ours and not manifest.knows(f"{folder}/{name}"):
                reason = "was not written by an export; it is left there, and trained on"
                issues.append(Issue(f"{folder}/{name}", "unknown", reason, fatal=False))
    return issues


def _flush(manifest: Manifest) -> Job[None]:
    """What is going to be reported as done outlives a power cut."""
    for done, total in manifest.flushed():
        yield Progress(done, total, "flushing to the disk")
    for folder in manifest.written_folders:
        files.sync(folder)


def _dry(settings: Settings, manifest: Manifest, plan: Plan, issues: list[Issue]) -> Report:
    form = settings.form
    fresh = [item for item in plan.items if not is_current(manifest, item, form)]
    paths = {item.picture.name: manifest.path(item.picture_file(form)) for item in fresh}
    return Report(
        "export",
        unchanged=len(plan.items) - len(fresh),
        issues=(*issues, *plan.remarks),
        facts={"would_write": [str(path) for path in paths.values()]},
        lines=(
            *(f"+ {paths[item.picture.name]}  {item.caption}" for item in fresh),
            f"{len(fresh)} pictures would be written to {settings.out}",
            *plan.lines,
        ),
        dry_run=True,
    )


def _report(
    settings: Settings, manifest: Manifest, plan: Plan, outcome: Outcome, issues: list[Issue]
) -> Report:
    out = settings.out
    changed = f"{outcome.written} written, {outcome.removed} removed"
    counts = plan.folders
    lines = [f"{count} pictures in {out / folder}" for folder, count in counts.items()]
    lines[-1] += f" ({changed})"
    path = out / layout.TRAIN_FILE
    issues += [
        Issue(layout.TRAIN_FILE, "kept", f"{key} was changed by hand, and is kept", fatal=False)
        for key in outcome.kept_keys
    ]
    return Report(
        "export",
        done=outcome.written,
        unchanged=len(plan.items) - outcome.written,
        issues=(*issues, *plan.remarks),
        facts={
            "images": str(out / next(iter(counts))),
            "folders": counts,
            "train": str(path),
            "removed": outcome.removed,
            "steps": steps_of(plan.uses, plan.length),
        },
        lines=(*lines, *plan.lines, f"train with: dataprep train {out}"),
    )
