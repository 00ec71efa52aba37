"""Edits undone or done again, one after another, and the report on them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from dataprep.dataset import Dataset
from dataprep.images import BadImage
from dataprep.journal import Change, Edit, inverted, settle, tally
from dataprep.report import Issue, Report
from dataprep.sidecars import EXTENSION, file_of

REASON = "its caption was changed since, by hand or another program, and stays as it is"


@dataclass(frozen=True, slots=True)
class Turn:
    """One edit that was undone or done again."""

    edit: Edit
    changes: tuple[Change, ...]
    """What was to be written."""
    conflicts: frozenset[str]
    """Names of the captions that somebody changed since; they stayed."""

    @property
    def made(self) -> tuple[Change, ...]:
        """What was written."""
        return tuple(
            row for row in self.changes if row.kind != "caption" or row.name not in self.conflicts
        )


def turned(dataset: Dataset, verb: Literal["undo", "redo"], before: Sequence[Turn]) -> Turn:
    """Undo or redo the edit whose turn it is. ``before``: the turns of this run so far."""
    edit, conflicts = dataset.undo() if verb == "undo" else dataset.redo()
    changes = inverted(edit.changes) if verb == "undo" else edit.changes
    if dataset.dry_run:
        would_be = {file_of(row): row.after for turn in before for row in turn.made}
        conflicts = tuple(_conflicts(dataset, changes, would_be))
    return Turn(edit, changes, frozenset(conflicts))


def report(dataset: Dataset, verb: str, said: str, turns: Sequence[Turn]) -> Report:
    """What was undone or redone, and what stayed because it was changed since."""
    made = tuple(row for turn in turns for row in turn.made)
    counts = tally(made)
    edits = [turn.edit for turn in turns]
    last = edits[-1] if edits else None
    names = dict.fromkeys(name for turn in turns for name in sorted(turn.conflicts))
    return Report(
        verb,
        done=len(made),
        unchanged=sum(len(turn.changes) for turn in turns) - len(made),
        issues=tuple(Issue(name, "changed since", REASON) for name in names),
        changes=made,
        facts={
            "edit": last.id if last else None,
            "name": last.name if last else "",
            "edits": [edit.id for edit in edits],
            **counts.to_json(),
        },
        lines=(
            *(f"{said}: {edit.name} (made {edit.at})" for edit in edits),
            str(counts) if edits else "nothing to do",
        ),
        dry_run=dataset.dry_run,
    )


def _conflicts(
    dataset: Dataset, changes: Iterable[Change], would_be: dict[str, str | None]
) -> Iterable[str]:
    """Names of the captions that are not as the edit knows them.

    ``would_be``: caption files as this dry run would have left them.
    """
    for change in changes:
        if change.kind != "caption":
            continue
        dataset.caption_extension = change.key or EXTENSION
        try:
            now = dataset.caption_text(change.name)
        except BadImage:
            yield change.name
            continue
        if settle(change, would_be.get(file_of(change), now)) == "conflict":
            yield change.name
