"""What both parts of the room Clean share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep.cleaning import fingerprint
from dataprep.report import Report
from tui.desk import Desk
from tui.state import Project, Row


class Part(Vertical):
    """A list of what a stage has found, kept until the pictures change."""

    VERB: ClassVar[str] = ""
    """The stage that looks."""

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(id=id)
        self.desk = desk
        self._marked: tuple[Mapping[str, Row], str] = ({}, "")

    @property
    def count(self) -> str:
        """How much is left to decide, beside the part's name."""
        return ""

    def first(self) -> Widget:
        """What takes the keys."""
        raise NotImplementedError

    def show_project(self, project: Project) -> None:
        """The project was read, or has changed."""

    def job_ended(self, report: Report) -> None:
        """A job has returned its report."""

    def show_command(self) -> None:
        """Show the command of the part."""
        self.desk.show_command(self.VERB, {})

    def look(self) -> None:
        """Run the stage that finds."""

    def parts_of(self, row: Row) -> tuple[str, ...]:
        """What of a picture the result hangs on."""
        return row.name, row.picture.sha

    def mark(self, rows: Mapping[str, Row]) -> str:
        """Stands for all that the result hangs on; computed once for every state of a project."""
        if self._marked[0] is not rows:
            parts = (part for row in rows.values() for part in self.parts_of(row))
            self._marked = rows, fingerprint(parts)
        return self._marked[1]

    # what was found, over a restart

    def remember(self, facts: Mapping[str, Any], mark: str) -> None:
        """Keep what was found, and what it was found in."""
        self.desk.memory.put(f"clean.{self.VERB}", {"mark": mark, "facts": dict(facts)})

    def remembered(self) -> tuple[Mapping[str, Any], str]:
        """What was found last, and what it was found in; empty when nothing was looked for."""
        kept = self.desk.memory.get(f"clean.{self.VERB}", {})
        facts, mark = kept.get("facts"), kept.get("mark")
        return (facts, mark) if isinstance(facts, dict) and isinstance(mark, str) else ({}, "")

    def say(self, where: str, *parts: str | tuple[str, str]) -> None:
        """Put a line into one of the part's texts."""
        self.query_one(where, Static).update(Content.assemble(*parts))


def kilobytes(number: int) -> str:
    """Bytes of one picture as people say them."""
    return f"{number / 1000:.0f} kB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"
