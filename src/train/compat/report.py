"""What became of each key of a file that was written for another program."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from train.compat.values import shown

COLUMN = 56
"""Letters of a column: two of them fit a terminal."""


class Mapped(NamedTuple):
    """A key of theirs that became one of ours."""

    theirs: str
    their_value: Any
    ours: str
    our_value: Any
    is_said: bool = True
    """False where the file is silent and sd-scripts would do so."""


class Left(NamedTuple):
    """A key of theirs that became none, and why."""

    key: str
    reason: str


class Unknown(NamedTuple):
    """A key that no reader knows, and the known one it resembles most, if any."""

    key: str
    nearest: str


@dataclass(frozen=True, slots=True)
class MappingReport:
    """What became of each key.

    ``ignored`` changes nothing of what is learned, or is done in any case. ``refused`` would have
    changed something and is not done. ``unknown`` are names that sd-scripts does not have either.
    """

    source: str
    """The format, in words."""
    mapped: tuple[Mapped, ...] = ()
    ignored: tuple[Left, ...] = ()
    refused: tuple[Left, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    encoding: str = "UTF-8"

    def lines(self) -> list[str]:
        """The report for people: what was taken over in columns, the rest by reason."""
        said = "" if self.encoding == "UTF-8" else f", {self.encoding}"
        lines = [f"read as {self.source}{said}: {len(self.mapped)} settings taken over"]
        lines += _columns(self.mapped)
        for title, left in (("not done", self.refused), ("without effect here", self.ignored)):
            lines += _reasons(title, left)
        if self.unknown:
            lines += ["not known:", *(f"  {_nearest(entry)}" for entry in self.unknown)]
        return lines

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        lists = ("mapped", "ignored", "refused", "unknown")
        return {
            **asdict(self),
            **{name: [entry._asdict() for entry in getattr(self, name)] for name in lists},
        }


def _columns(mapped: Iterable[Mapped]) -> list[str]:
    rows = [
        (
            shown(f"{entry.theirs} = {shown(entry.their_value)}", COLUMN),
            shown(f"{entry.ours} = {shown(entry.our_value)}", COLUMN),
        )
        for entry in mapped
    ]
    width = max((len(theirs) for theirs, _ in rows), default=0)
    return [f"  {theirs:<{width}}  →  {ours}" for theirs, ours in rows]


def _reasons(title: str, left: Iterable[Left]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in left:
        by_reason.setdefault(reason, []).append(key)
    lines = [f"  {', '.join(keys)}: {reason}" for reason, keys in by_reason.items()]
    return [f"{title}:", *lines] if lines else []


def _nearest(entry: Unknown) -> str:
    return f"{entry.key} (did you mean {entry.nearest}?)" if entry.nearest else entry.key
