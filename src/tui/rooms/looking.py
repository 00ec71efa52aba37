"""What the room of looking asks the project, and how it says what it was told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar

from dataprep.captions import SEPARATOR, split_tags, tag_key
from dataprep.columns import wide
from dataprep.dataset import Dataset
from dataprep.tagwords import is_prose
from tui.state import Project, Row
from tui.widgets.chips import Chip
from tui.words import _

if TYPE_CHECKING:
    from dataprep.browse import Browser, Details

T = TypeVar("T")
SIGNS = {
    "bad": ("!", "bold red"),
    "reject": ("×", "dim"),
    "keep": ("✓", "green"),
    "bare": ("○", ""),
    "captioned": ("●", ""),
}
"""What the first column shows, and how."""


class Shelf:
    """One browser for all questions, so that each knows what those before have found out."""

    def __init__(self) -> None:
        self._browser: Browser | None = None
        self._stale = False

    def forget(self) -> None:
        """A job has ended, and may have found out anything."""
        self._stale = True

    def asked(self, project: Project, question: Callable[[Browser], T]) -> Callable[[Dataset], T]:
        """A question to the browser, as the reader's thread takes it."""

        def ask(dataset: Dataset) -> T:
            # with it come pydantic and numpy, for which the first frame must not wait
            from dataprep.browse import Browser

            if self._browser is None or self._stale:
                self._browser, self._stale = Browser(dataset), False
            self._browser.update(project.rows)
            return question(self._browser)

        return ask


def chips_of(row: Row, trigger: str, details: Details | None) -> Sequence[Chip]:
    """The tags of a caption with their scores, or its prose as it stands."""
    if is_prose(row.caption):
        return [Chip(" ".join(row.caption.split()))]
    lead = tag_key(trigger) if trigger else None
    chips = []
    for tag in split_tags(row.caption):
        key = tag_key(tag)
        score = details.scores.get(key) if details else None
        doubtful = details is not None and key in details.doubtful
        style = "bold $accent" if key == lead else "$text-muted" if doubtful else ""
        if tag == SEPARATOR:
            style = "$text-muted"
        chips.append(Chip(tag, "" if score is None else f"{score:.2f}".lstrip("0"), style))
    return chips


def tokens_of(details: Details, caption: str) -> str:
    """How many tokens a caption has, at least so many where that is not known exactly."""
    least, most = details.count(caption)
    sign = "" if least == most else "≥"
    said = _("{count} tokens") if least <= details.budget else _("{count} tokens, {budget} read")
    return said.format(count=f"{sign}{least:.0f}", budget=details.budget)


def sign_of(row: Row) -> str:
    """Which of ``SIGNS`` a picture gets; what needs attention goes first."""
    if row.problem:
        return "bad"
    if row.decisions.verdict in ("reject", "keep"):
        return row.decisions.verdict
    return "captioned" if row.caption else "bare"


def verdict_of(row: Row) -> str:
    """A verdict and its reason in words; empty where there is none."""
    said = {"keep": _("kept"), "reject": _("rejected")}.get(row.decisions.verdict, "")
    return f"{said}: {row.decisions.why}" if said and row.decisions.why else said


def elided(name: str, width: int) -> str:
    """A name cut in its middle: its end, with the number and the ending, tells files apart."""
    if wide(name) <= width:
        return name
    end = min(len(PurePosixPath(name).suffix) + 4, width // 2)
    head, tail = name[:-end], name[-end:]
    while head and wide(head) + 1 + wide(tail) > width:
        head = head[:-1]
    return f"{head}…{tail}"
