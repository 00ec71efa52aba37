"""The logic of edits: what a change is, how it is undone, how it reads as a diff. Pure."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataprep.captions import entries

Kind = Literal["caption", "decision"]
State = Literal["pending", "done", "undoing", "undone", "redoing", "dropped"]
"""dropped: it was undone, and another edit was made since, so that nobody redoes it."""
UNFINISHED: Mapping[State, State] = {"pending": "done", "undoing": "undone", "redoing": "done"}
"""The states in which an edit is under way, and which comes next."""
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
    turned: str = ""
    """When it was undone or done again last, like ``at``; empty: never."""


def undone_next(edits: Sequence[Edit]) -> Edit | None:
    """Of a journal, oldest first, the edit that an undo takes back."""
    return next((edit for edit in reversed(edits) if edit.state == "done"), None)


def redone_next(edits: Sequence[Edit]) -> Edit | None:
    """The edit that a redo carries out again: that undone last, which is the oldest of them."""
    return next((edit for edit in edits if edit.state == "undone"), None)


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


@dataclass(frozen=True, slots=True)
class Diff:
    """How a caption's tags differ before and after, as they are spelled."""

    gone: tuple[str, ...]
    new: tuple[str, ...]
    moved: tuple[str, ...]
    """As few as can be said to have moved, so that the others stayed."""


def diff(before: str | None, after: str | None) -> Diff:
    """Compare two texts of a caption, repeated tags included."""
    old, new = _numbered(before), _numbered(after)
    places = {entry: place for place, entry in enumerate(old)}
    common = [entry for entry in new if entry in places]
    stayed = _longest_rise([places[entry] for entry in common])
    there = set(common)
    return Diff(
        tuple(tag for tag, n in old if (tag, n) not in there),
        tuple(tag for tag, n in new if (tag, n) not in there),
        tuple(tag for tag, n in common if places[tag, n] not in stayed),
    )


def _numbered(text: str | None) -> list[tuple[str, int]]:
    """Each tag with how often it stood before."""
    seen: Counter[str] = Counter()
    rows = []
    for tag in entries((text or "").removeprefix("\ufeff")):
        rows.append((tag, seen[tag]))
        seen[tag] += 1
    return rows


def _longest_rise(numbers: Sequence[int]) -> set[int]:
    """A longest run of numbers that rise, others between them left out."""
    ends: list[int] = []
    """The least number on which a rise of this length ends."""
    before: dict[int, int | None] = {}
    for number in numbers:
        place = bisect_left(ends, number)
        before[number] = ends[place - 1] if place else None
        ends[place : place + 1] = [number]
    rise: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        rise.add(last)
        last = before[last]
    return rise


def inline(before: str | None, after: str | None) -> list[tuple[str, str]]:
    """Both texts as one row of tags, each with its sign: " " stays, "-" goes, "+" comes, "~" moves.

    What goes stands where it stood, all else as it stands afterwards.
    """
    old, new = _numbered(before), _numbered(after)
    places = {entry: place for place, entry in enumerate(old)}
    stayed = _longest_rise([places[entry] for entry in new if entry in places])
    there = set(new)
    rows: list[tuple[str, str]] = []
    done = 0

    def gone(end: int) -> list[tuple[str, str]]:
        return [("-", tag) for tag, n in old[done:end] if (tag, n) not in there]

    for entry in new:
        place = places.get(entry)
        if place in stayed and place is not None:
            rows += gone(place)
            done = place + 1
        rows.append(("+" if place is None else " " if place in stayed else "~", entry[0]))
    return [*rows, *gone(len(old))]


@dataclass(frozen=True, slots=True)
class Tally:
    """What changes do, in numbers."""

    captions: int
    decisions: int
    gone: Counter[str]
    """From how many captions each tag goes."""
    new: Counter[str]
    """Into how many captions each tag comes."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return {"captions": self.captions, "gone": dict(self.gone), "new": dict(self.new)}

    def __str__(self) -> str:
        parts = [_counted(self.captions, "caption changes", "captions change")]
        if self.gone:
            went = _counted(len(self.gone), "tag goes", "tags go")
            parts.append(f"{went} ({_counted(self.gone.total(), 'time', 'times')})")
        if self.new:
            tags = "" if self.gone else ("tag " if len(self.new) == 1 else "tags ")
            came = f"{len(self.new)} {tags}{'comes' if len(self.new) == 1 else 'come'}"
            parts.append(f"{came} ({_counted(self.new.total(), 'time', 'times')})")
        if self.captions and not self.gone and not self.new:
            parts.append("only order, spacing or repeats")
        if self.decisions:
            counted = _counted(self.decisions, "decision changes", "decisions change")
            parts = [*(parts if self.captions else ()), counted]
        return ", ".join(parts)


def tally(changes: Iterable[Change]) -> Tally:
    """Count what changes do. Tags are counted as they are spelled."""
    captions = decisions = 0
    gone: Counter[str] = Counter()
    new: Counter[str] = Counter()
    for change in changes:
        if change.kind == "decision":
            decisions += 1
            continue
        captions += 1
        before = set(entries((change.before or "").removeprefix("\ufeff")))
        after = set(entries((change.after or "").removeprefix("\ufeff")))
        gone.update(before - after)
        new.update(after - before)
    return Tally(captions, decisions, gone, new)


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def diff_rows(change: Change) -> list[tuple[str, str]]:
    """A change as rows a person reads, each with its sign: " " heading, "-" goes, "+" comes,
    "~" moves.
    """
    if change.kind == "decision":
        return [(" ", line) for line in _decided(change)]
    found = diff(change.before, change.after)
    signed = (("-", found.gone), ("+", found.new), ("~", found.moved))
    rows = [(sign, ", ".join(tags)) for sign, tags in signed if tags]
    return [(" ", f"{change.name}:"), *(rows or [("~", "only spacing or line ends")])]


def _decided(change: Change) -> list[str]:
    """A decision before and after; one about the project only as far as it changes."""
    if change.name != PROJECT:
        return [f"{change.name} {change.key}: {change.before or '-'} → {change.after or '-'}"]
    old, new = json.loads(change.before or "{}"), json.loads(change.after or "{}")
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [f"{change.key}: {change.before or '-'} → {change.after or '-'}"]
    return [
        f"{change.key}, {key}: {_said(old.get(key))} → {_said(new.get(key))}"
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]


def _said(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    return "-" if value is None or value == "" else str(value)


def diff_lines(change: Change) -> list[str]:
    """A change as plain lines: tags that go, come and move, or old and new value."""
    rows = diff_rows(change)
    return [text if sign == " " else f"  {sign} {text}" for sign, text in rows]
