"""What a stage hands back when it has finished."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataprep.errors import EXIT_FAILED, EXIT_OK
from dataprep.journal import Change


@dataclass(frozen=True, slots=True)
class Issue:
    """What is wrong with one file: a name to filter by and a reason a person understands."""

    file: str
    kind: str
    reason: str
    fatal: bool = True
    """False for a remark (an unusual but usable file): it does not change the exit code."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {"file": self.file, "kind": self.kind, "reason": self.reason, "fatal": self.fatal}


@dataclass(frozen=True, slots=True)
class Alike:
    """Files with one and the same issue."""

    fatal: bool
    reason: str
    files: tuple[str, ...]


def alike(issues: Iterable[Issue]) -> list[Alike]:
    """Issues by what they say, each sort once, in order of first sight."""
    found: dict[tuple[bool, str], list[str]] = {}
    for issue in issues:
        found.setdefault((issue.fatal, issue.reason), []).append(issue.file)
    return [Alike(fatal, reason, tuple(files)) for (fatal, reason), files in found.items()]


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a stage: counts, what could not be done and why, and what it found."""

    stage: str
    done: int = 0
    unchanged: int = 0
    issues: tuple[Issue, ...] = ()
    changes: tuple[Change, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Results for machines; JSON values only."""
    lines: tuple[str, ...] = ()
    """Results for people, one line each; ``facts`` says the same to machines."""
    remarks: tuple[str, ...] = ()
    """What is to be said beside the results."""
    dry_run: bool = False

    @property
    def exit_code(self) -> int:
        """1 when some file could not be handled, else 0."""
        return EXIT_FAILED if any(issue.fatal for issue in self.issues) else EXIT_OK

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints; the changes themselves only of a dry run."""
        proposed = {"changes": [change.to_json() for change in self.changes]}
        return {
            **self.facts,
            "stage": self.stage,
            "done": self.done,
            "unchanged": self.unchanged,
            "issues": [issue.to_json() for issue in self.issues],
            "dry_run": self.dry_run,
            **(proposed if self.dry_run else {}),
        }
