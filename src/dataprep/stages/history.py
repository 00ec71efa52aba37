"""``dataprep history``: the edits made so far."""

from __future__ import annotations

from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.report import Report
from dataprep.settings import Settings as Base


class Settings(Base):
    """Nothing to set."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """List the journal, newest first."""
    yield Progress(0, 1, "reading the journal")
    edits = list(reversed(dataset.history()))
    lines = [f"{e.id:>4}  {e.at}  {'(undone) ' * (e.state == 'undone')}{e.name}" for e in edits]
    return Report(
        "history",
        done=len(edits),
        facts={
            "edits": [{"id": e.id, "name": e.name, "at": e.at, "state": e.state} for e in edits]
        },
        lines=tuple(lines) or ("no edits yet",),
    )
