"""What all rooms share: they are told of the project and of jobs, and run their stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from dataprep.report import Report
from tui.desk import Desk
from tui.state import Project

if TYPE_CHECKING:
    from tui.run_watch import Seen


class Room(Vertical):
    """One kind of work. Subclasses say which stage ``x`` runs, and with which settings."""

    VERB: ClassVar[str] = ""
    """The stage of this room."""

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(id=id, classes="room")
        self.desk = desk

    def show(self, project: Project) -> None:
        """The project was read, or has changed. Also called once, after mounting."""

    def job_ended(self, report: Report) -> None:
        """A job has returned its report, whichever room it was of; ``show`` follows."""

    def training(self, seen: Seen) -> None:
        """The project's training run has moved on."""

    def values(self) -> Mapping[str, Any]:
        """Settings of ``VERB`` that the room's own widgets say, as in ``dataprep.toml``."""
        return {}

    def first(self) -> Widget | None:
        """What takes the keys when the room is entered; None: whatever can."""
        return None

    def entered(self, filter: str) -> None:
        """The room is on the screen now; ``filter`` is for the one that lists pictures."""
        self.show_command()

    def left(self) -> None:
        """Another room comes; what is to be remembered goes into ``desk.memory``."""

    def show_command(self) -> None:
        """Show the command that does what ``x`` would."""
        if self.VERB:
            self.desk.show_command(self.VERB, self.values())

    def run_stage(self) -> None:
        """Run the room's stage; ``x`` does it."""
        self.desk.run(self.VERB, self.values(), keep=True)

    def open_settings(self) -> None:
        """Ask for all settings of the room's stage; ``s`` does it."""
        self.desk.form(self.VERB, self.values())
