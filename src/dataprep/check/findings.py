"""What was found: hits, gathered by their kinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from dataprep.check.kinds import KINDS, Kind, Where
from dataprep.tokens import Counter

FEW = 3
"""So many actions are spelled out in one line."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One file, or folder, with a finding."""

    kind: str
    file: str
    """Path inside the folder that is checked; empty where it is about no single one."""
    detail: str = ""
    fix: str = ""
    """The exact action, where the table's does not say it."""
    what: str = ""
    """What stands for "WHAT" in the table's fix."""


@dataclass(frozen=True, slots=True)
class Finding:
    """All hits of one kind."""

    kind: Kind
    fix: str
    hits: tuple[Hit, ...]
    fatal: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """All that was found, and what it was found in."""

    hits: tuple[Hit, ...]
    pictures: int
    tokens: Counter
    longest: int
    """Tokens of the longest caption."""
    budget: int
    """Tokens of a caption that the trainer reads."""


def gather(hits: Iterable[Hit], where: Where, folder: Path) -> list[Finding]:
    """Hits by their kinds, in the order of the table."""
    found: dict[str, list[Hit]] = defaultdict(list)
    for hit in hits:
        found[hit.kind].append(hit)
    return [
        Finding(
            kind,
            _fix(kind, found[name], where, folder),
            tuple(found[name]),
            where in kind.fatal,
        )
        for name, kind in KINDS.items()
        if name in found
    ]


def _fix(kind: Kind, hits: list[Hit], where: Where, folder: Path) -> str:
    """The hits' own actions while they are few, else the table's."""
    own = list(dict.fromkeys(hit.fix for hit in hits if hit.fix))
    if not own:
        return kind.mends(where, folder, hits[0].what)
    more = f" (and {len(own) - FEW} more: --only {kind.name})" if len(own) > FEW else ""
    return "; ".join(own[:FEW]) + more
