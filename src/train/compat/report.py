"""What became of each key of a file that was written for another program."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from train.compat.values import flag, shown

WIDTH = 80
"""Letters of a line; the narrowest terminal has as many."""
COLUMN = 36
"""Letters of a column: two of them, with an arrow between, fit a line."""
NOT_GIVEN = " (not given)"


class Mapped(NamedTuple):
    """A key of theirs that became one of ours."""

    theirs: str
    their_value: Any
    ours: str
    our_value: Any
    is_said: bool = True
    """False where the file is silent and its program would do so."""


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
    missing: tuple[tuple[str, str], ...] = ()
    """Keys of ours that name what is not there, and the name."""
    preset: tuple[tuple[str, Any], ...] = ()
    """Keys of ours that a preset set, and their values."""

    def lines(self) -> list[str]:
        """The report for people: what needs a look first, what changes nothing at the end."""
        said = [entry for entry in self.mapped if entry.is_said]
        assumed = [entry for entry in self.mapped if not entry.is_said]
        turned = [entry for entry in said if not _is_same(entry)]
        return [
            *self._head(len(said)),
            *_block("not known:", map(_nearest, self.unknown)),
            *_block("not done:", _reasons(self.refused)),
            *_block(self._not_there(), map(" = ".join, self.missing)),
            *_block("taken over under another name or value:", _columns(turned)),
            *_row("taken over as it is:", (_ours(entry) for entry in said if _is_same(entry))),
            *_row("from the preset:", map(_pair, self.preset)),
            *_row("not given; that program then has:", map(_default, assumed)),
            *_block("without effect here:", _reasons(self.ignored)),
        ]

    def to_json(self) -> dict[str, Any]:
        """The report for programs."""
        lists = ("mapped", "ignored", "refused", "unknown")
        return {
            **asdict(self),
            **{name: [entry._asdict() for entry in getattr(self, name)] for name in lists},
            "missing": dict(self.missing),
            "preset": dict(self.preset),
        }

    def _not_there(self) -> str:
        is_plain = not any(" " in key for key, _ in self.missing)
        return "not there (--set KEY=PATH names another):" if is_plain else "not there:"

    def _head(self, taken: int) -> list[str]:
        said = "" if self.encoding == "UTF-8" else f" ({self.encoding})"
        counts = [f"{taken} settings taken over"]
        for found, word in ((self.refused, "not done"), (self.unknown, "not known")):
            counts += [f"{len(found)} {word}"] if found else []
        return [f"read as {self.source}{said}:", f"  {', '.join(counts)}"]


def _is_same(entry: Mapped) -> bool:
    """Whether key and value say in the file what they say here, be it in other letters."""
    if entry.theirs.split()[-1:] != [entry.ours]:
        return False
    theirs, ours = entry.their_value, entry.our_value
    if isinstance(ours, bool):
        return _as_flag(theirs) is ours
    return _letters(theirs) == _letters(ours)


def _as_flag(value: Any) -> bool | None:
    try:
        return flag(value)
    except ValueError:
        return None


def _letters(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_letters, value))
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value).replace(", ", ",")


def _pair(pair: tuple[str, Any]) -> str:
    return f"{pair[0]} = {_told(pair[1])}"


def _told(value: Any) -> str:
    """A value in few letters, without the marks of Python."""
    if not isinstance(value, list | tuple | dict):
        return shown(value)
    if any(isinstance(entry, dict) for entry in value):
        return f"{len(value)} tables"
    parts = (f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else map(str, value)
    return shown(", ".join(parts))


def _ours(entry: Mapped) -> str:
    return _pair((entry.ours, entry.our_value))


def _default(entry: Mapped) -> str:
    """A key that the file leaves open, with what sd-scripts says of it where that is more."""
    why = str(entry.their_value).removesuffix(NOT_GIVEN)
    if why == "off" or _letters(why) == _letters(entry.our_value):
        return _ours(entry)
    return f"{_ours(entry)} ({why})"


def _columns(mapped: Iterable[Mapped]) -> list[str]:
    """What each was and what it is now side by side; what is too long for that in two lines."""
    rows = [(_pair((entry.theirs, entry.their_value)), _ours(entry)) for entry in mapped]
    short = [len(theirs) for theirs, ours in rows if max(len(theirs), len(ours)) <= COLUMN]
    width = max(short, default=0)
    return [
        f"{theirs:<{width}}  →  {ours}"
        if max(len(theirs), len(ours)) <= COLUMN
        else f"{shown(theirs, WIDTH - 2)}\n    →  {shown(ours, WIDTH - 9)}"
        for theirs, ours in rows
    ]


def _reasons(left: Iterable[Left]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for key, reason in left:
        by_reason.setdefault(reason, []).append(key)
    return [_wrapped(f"{', '.join(keys)}: {reason}") for reason, keys in by_reason.items()]


def _nearest(entry: Unknown) -> str:
    return f"{entry.key} (did you mean {entry.nearest}?)" if entry.nearest else entry.key


def _block(title: str, entries: Iterable[str]) -> list[str]:
    """A title and the entries under it, each moved in by two; nothing where there are none."""
    lines = [f"  {line}" for entry in entries for line in entry.split("\n")]
    return [title, *lines] if lines else []


def _row(title: str, entries: Iterable[str]) -> list[str]:
    """A title and under it all entries, as many on a line as there is room for."""
    rows: list[str] = []
    for entry in entries:
        if rows and len(rows[-1]) + len(entry) + len("  , ,") <= WIDTH:
            rows[-1] += f", {entry}"
        else:
            rows += [entry]
    return _block(title, [*(f"{row}," for row in rows[:-1]), *rows[-1:]])


def _wrapped(sentence: str) -> str:
    """A sentence on lines that fit when they are moved in by two; no name is cut."""
    return textwrap.fill(
        sentence,
        WIDTH - 2,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
