"""``dataprep undo``: take the last edit back."""

from __future__ import annotations

from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.journal import inverted
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base


class Settings(Base):
    """Nothing to set: the last edit that still stands is taken back."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Take back the last edit; captions that another program changed since are left alone."""
    yield Progress(0, 1, "taking the last edit back")
    edit, conflicts = dataset.undo()
    reason = "its caption was changed since by another program and stays as it is"
    return Report(
        "undo",
        done=len(edit.changes) - len(conflicts),
        issues=tuple(Issue(name, "changed since", reason) for name in conflicts),
        changes=inverted(edit.changes),
        facts={"edit": edit.id, "name": edit.name},
        lines=(f"taken back: {edit.name} ({len(edit.changes)} changes, made {edit.at})",),
        dry_run=dataset.dry_run,
    )
