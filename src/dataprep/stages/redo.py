"""``dataprep redo``: carry out again what was undone."""

from __future__ import annotations

from pydantic import Field

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Settings as Base
from dataprep.turning import Turn, report, turned


class Settings(Base):
    """How far on; without a number what was undone last is carried out again."""

    to: int | None = Field(default=None, ge=1)
    """Number of an undone edit in the history: it and all that were undone after it are carried
    out again."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Carry undone edits out again; captions that were changed since are left alone.

    That is possible until another edit is made.
    """
    undone = [edit.id for edit in dataset.history() if edit.state == "undone"]
    if settings.to is not None and settings.to not in undone:
        raise UsageError(
            f"to: no edit with the number {settings.to} can be redone", "see `dataprep history`"
        )
    steps = 1 if settings.to is None else undone.index(settings.to) + 1
    turns: list[Turn] = []
    for step in range(steps):
        yield Progress(step, steps, "carrying out again")
        turns.append(turned(dataset, "redo", turns))
    return report(dataset, "redo", "carried out again", turns)
