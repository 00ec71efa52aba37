"""The logic of edits: what a change is, how it is undone, how it reads as a diff. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from dataprep.captions import split_tags

Kind = Literal["caption", "decision"]
State = Literal["pending", "done", "undoing", "undone"]
Origin = Literal["machine", "bulk", "hand"]
"""Who made a caption: a model; a stage that changed what was there; a person, letter by letter."""

PROJECT = ""
"""The name under which decisions about the whole project are kept."""


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after. None means: no such caption file, or nothing decided.

    ``name`` is the picture's path inside the project. ``key`` of a caption is its file's extension
    where that is not .txt, of a decision its name (its value is JSON text).
    """

    kind: Kind
    name: str
    key: str
    before: str | None
    after: str | None

    @property
    def is_noop(self) -> bool:
        """Whether nothing would change."""
        return self.before == self.after

    def inverted(self) -> Change:
        """The change that takes this one back."""
        return Change(self.kind, self.name, self.key, self.after, self.before)

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {
            "kind": self.kind,
            "name": self.name,
            "key": self.key,
            "before": self.before,
            "after": self.after,
        }


@dataclass(frozen=True, slots=True)
class Edit:
    """A named group of changes, done and undone as one."""

    id: int
    name: str
    at: str
    """Local time, ISO 8601, seconds."""
    state: State
    origin: Origin
    changes: tuple[Change, ...]


def inverted(changes: Iterable[Change]) -> tuple[Change, ...]:
    """The changes that take ``changes`` back, last first."""
    return tuple(change.inverted() for change in reversed(tuple(changes)))


def settle(change: Change, current: str | None) -> Literal["write", "there", "conflict"]:
    """What to do with a change when the value is ``current`` now.

    "conflict": somebody else changed it since; theirs stays.
    """
    if current == change.after:
        return "there"
    return "write" if current == change.before else "conflict"


def diff_lines(change: Change) -> list[str]:
    """A change as lines a person reads: tags taken and added, or old and new value."""
    if change.kind == "decision":
        where = f"{change.name} " if change.name else ""
        return [f"{where}{change.key}: {change.before or '-'} → {change.after or '-'}"]
    before, after = split_tags(change.before or ""), split_tags(change.after or "")
    gone = [tag for tag in before if tag not in after]
    new = [tag for tag in after if tag not in before]
    lines = [f"{change.name}:"]
    if gone:
        lines.append("  - " + ", ".join(gone))
    if new:
        lines.append("  + " + ", ".join(new))
    if not gone and not new:
        lines.append("  ~ " + ", ".join(after))
    return lines
