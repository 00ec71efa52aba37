"""The room in which a folder is weeded: duplicates side by side, and problems by kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from dataprep.report import Report
from tui.desk import Desk
from tui.rooms.clean_duplicates import Duplicates
from tui.rooms.clean_part import Part
from tui.rooms.clean_problems import Problems
from tui.rooms.room import Room
from tui.state import Project
from tui.widgets.parts import Parts
from tui.words import N_

PARTS = {"duplicates": N_("Duplicates"), "problems": N_("Problems")}


class CleanRoom(Room):
    """Two parts, of which one is shown; each looks for its own."""

    VERB: ClassVar[str] = "dedupe"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "part", N_("Duplicates or problems"), show=False, id="clean.part"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._outdated = True
        self._parts: dict[str, Part] = {
            "duplicates": Duplicates(desk, id="clean-duplicates"),
            "problems": Problems(desk, id="clean-problems"),
        }

    def compose(self) -> ComposeResult:
        """The parts' names, and the one that is shown."""
        yield Parts(PARTS, id="clean-parts")
        with Vertical(id="clean-part"):
            yield from self._parts.values()

    def on_mount(self) -> None:
        """Begin where one was last."""
        name = self.desk.memory.get("clean.part", "duplicates")
        self._turn_to(name if name in PARTS else "duplicates")

    @property
    def part(self) -> Part:
        """The part that is shown."""
        return self._parts[self.query_one(Parts).shown]

    def show(self, project: Project) -> None:
        """Both parts know of it, for both say how much is left; once the room can be seen."""
        self._outdated = True
        if self.display:
            self._show_parts(project)

    def _show_parts(self, project: Project) -> None:
        self._outdated = False
        for part in self._parts.values():
            part.show_project(project)
        self._count()

    def job_ended(self, report: Report) -> None:
        """One of the parts may have asked."""
        if self._outdated:
            self._show_parts(self.desk.project)
        for part in self._parts.values():
            part.job_ended(report)
        self._count()

    def first(self) -> Widget | None:
        """The list of the part."""
        return self.part.first()

    def entered(self, filter: str) -> None:
        """The part says what it would do."""
        if self._outdated:
            self._show_parts(self.desk.project)
        self.part.show_command()

    def left(self) -> None:
        """The part is shown again next time."""
        self.desk.memory.put("clean.part", self.query_one(Parts).shown)

    def values(self) -> Mapping[str, Any]:
        """The recipe says all."""
        return {}

    def run_stage(self) -> None:
        """Look for what the part lists."""
        self.part.look()

    def open_settings(self) -> None:
        """Ask for the settings of what the part looks with."""
        self.desk.form(self.part.VERB, {})

    def _count(self) -> None:
        counts = {name: part.count for name, part in self._parts.items()}
        parts = self.query_one(Parts)
        parts.show(parts.shown, counts)

    def _turn_to(self, name: str) -> None:
        for other, part in self._parts.items():
            part.display = other == name
        self.query_one(Parts).shown = name
        self._count()

    @on(Parts.Chosen)
    def _part_chosen(self, event: Parts.Chosen) -> None:
        event.stop()
        self._enter_part(event.name)

    def action_part(self) -> None:
        """Show the other part."""
        self._enter_part(self.query_one(Parts).following)

    def _enter_part(self, name: str) -> None:
        self._turn_to(name)
        self.part.show_project(self.desk.project)
        self.part.first().focus()
        self.part.show_command()

    @on(Problems.LookForDuplicates)
    def _to_duplicates(self, event: Problems.LookForDuplicates) -> None:
        event.stop()
        self._enter_part("duplicates")
        self.part.look()
