"""``dataprep undo``: take the last edit back."""

from __future__ import annotations

from collections.abc import Iterable

from dataprep.dataset import Dataset
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.journal import Change, inverted, settle, tally
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.sidecars import EXTENSION


class Settings(Base):
    """Nothing to set: the last edit that still stands is taken back."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Take back the last edit; captions that another program changed since are left alone."""
    yield Progress(0, 1, "taking the last edit back")
    edit, conflicts = dataset.undo()
    back = inverted(edit.changes)
    if dataset.dry_run:
        conflicts = tuple(_conflicts(dataset, back))
    stay = set(conflicts)
    made = tuple(row for row in back if row.kind != "caption" or row.name not in stay)
    counts = tally(made)
    reason = "its caption was changed since, by hand or another program, and stays as it is"
    return Report(
        "undo",
        done=len(made),
        unchanged=len(back) - len(made),
        issues=tuple(Issue(name, "changed since", reason) for name in conflicts),
        changes=made,
        facts={"edit": edit.id, "name": edit.name, **counts.to_json()},
        lines=(f"taken back: {edit.name} (made {edit.at})", str(counts)),
        dry_run=dataset.dry_run,
    )


def _conflicts(dataset: Dataset, changes: Iterable[Change]) -> Iterable[str]:
    """Names of the captions that somebody changed since."""
    for change in changes:
        if change.kind != "caption":
            continue
        dataset.caption_extension = change.key or EXTENSION
        try:
            now = dataset.caption_text(change.name)
        except BadImage:
            yield change.name
            continue
        if settle(change, now) == "conflict":
            yield change.name
