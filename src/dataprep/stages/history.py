"""``dataprep history``: the edits made so far, and what one of them did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.jobs import Job, Progress
from dataprep.journal import Edit, tally
from dataprep.report import Issue, Report
from dataprep.settings import Selected as Base
from dataprep.stages.scan import refresh

SIGNS = {"undone": "(undone) ", "dropped": "(undone for good) "}
"""What stands before an edit's name; `redo` brings back only what is undone."""


class Settings(Base):
    """What is listed; with a filter only edits that changed one of its pictures."""

    show: int | None = Field(default=None, ge=1)
    """The number of an edit: what it did, picture by picture."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """List the journal, newest first, or one edit."""
    yield Progress(0, 1, "reading the journal")
    edits = list(reversed(dataset.history()))
    if settings.show is not None:
        return _one(dataset, edits, settings.show)
    issues: list[Issue] = []
    if settings.where:
        found = yield from refresh(dataset, settings)
        # what is wrong with pictures is not asked here
        issues = [issue for issue in found if not issue.file]
        edits = [edit for edit in edits if _is_about(dataset, edit)]
    sizes = dataset.store.edit_sizes()
    none = "no edit changed these pictures" if settings.where else "no edits yet"
    return Report(
        "history",
        done=len(edits),
        issues=tuple(issues),
        facts={"edits": [_facts(edit, sizes.get(edit.id, {})) for edit in edits]},
        lines=tuple(_line(edit, sizes.get(edit.id, {})) for edit in edits) or (none,),
    )


def _is_about(dataset: Dataset, edit: Edit) -> bool:
    """Whether it changed a picture that is meant."""
    only = dataset.only or ()
    return any(change.name in only for change in dataset.store.edit(edit.id).changes)


def _one(dataset: Dataset, edits: list[Edit], number: int) -> Report:
    """One edit with all of its changes. Raises ``UsageError`` when there is none."""
    if number not in {edit.id for edit in edits}:
        last = f"the last is {edits[0].id}" if edits else "there are none yet"
        raise UsageError(f"show: no edit has the number {number}", last)
    edit = dataset.store.edit(number)
    counts = tally(edit.changes)
    sizes = {"caption": counts.captions, "decision": counts.decisions}
    facts = {**_facts(edit, sizes), **counts.to_json()}
    facts["changes"] = [change.to_json() for change in edit.changes]
    lines = (_line(edit, sizes), str(counts))
    return Report("history", done=1, changes=edit.changes, facts=facts, lines=lines)


def _facts(edit: Edit, sizes: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": edit.id,
        "name": edit.name,
        "at": edit.at,
        "state": edit.state,
        "turned": edit.turned,
        "captions": sizes.get("caption", 0),
        "decisions": sizes.get("decision", 0),
    }


def _line(edit: Edit, sizes: Mapping[str, int]) -> str:
    parts = [
        f"{number} {kind}{'' if number == 1 else 's'}"
        for kind in ("caption", "decision")
        if (number := sizes.get(kind, 0))
    ]
    return f"{edit.id:>4}  {edit.at}  {SIGNS.get(edit.state, '')}{edit.name}  [{', '.join(parts)}]"
