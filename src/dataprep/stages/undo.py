"""``dataprep undo``: take the last edit back, or all back to one."""

from __future__ import annotations

from pydantic import Field

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.turning import Turn, report, turned


class Settings(Base):
    """How far back; without a number the last edit that still stands is taken back."""

    to: int | None = Field(default=None, ge=0)
    """Number of an edit in the history: all that were made after it are taken back, the last one
    first; 0: all there are."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Take edits back; captions that another program changed since are left alone."""
    standing = [edit.id for edit in dataset.history() if edit.state == "done"]
    if settings.to and settings.to not in standing:
        raise UsageError(
            f"to: no edit with the number {settings.to} stands", "see `dataprep history`"
        )
    wanted = len([number for number in standing if number > (settings.to or 0)])
    steps = wanted if settings.to is not None else 1
    turns: list[Turn] = []
    for step in range(steps):
        yield Progress(step, steps, "taking edits back" if steps > 1 else "taking the edit back")
        turns.append(turned(dataset, "undo", turns))
    return report(dataset, "undo", "taken back", turns)
