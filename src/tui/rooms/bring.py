"""The room in which pictures come in: from where, and what the project holds already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Paste
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import get_current_worker

from dataprep.dataset import Dataset
from dataprep.errors import DataprepError
from dataprep.journal import Change
from dataprep.report import Report
from tui.desk import Desk
from tui.dialogs.folder import FolderDialog, Wanted
from tui.rooms import bring_tables as tables
from tui.rooms.room import Room
from tui.state import Project, Row
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.parts import Parts
from tui.widgets.path_line import PathLine
from tui.words import N_, _, n_

REST = 0.3
"""Seconds without a key before a typed source is looked at."""
PARTS = {
    "folders": N_("Folders"),
    "origins": N_("Came from"),
    "unreadable": N_("Cannot be read"),
}
KINDS = {
    "file": (N_("{n} picture"), N_("{n} pictures")),
    "archive": (N_("{n} in archives"), N_("{n} in archives")),
    "video": (N_("{n} video"), N_("{n} videos")),
}
"""What lies at a source, as ``foresee`` counts it: for one, and for more."""


class Foreseen(Message):
    """What lies at the sources, or what is wrong with them."""

    def __init__(self, line: str, said: str, wrong: bool) -> None:
        super().__init__()
        self.line = line
        self.said = said
        self.wrong = wrong


class ImportRoom(Room):
    """A line for sources above what is there by folder, by origin, and what cannot be read."""

    VERB: ClassVar[str] = "import"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_line", N_("To the list"), key_display="esc", id="import.leave"),
        Binding("i", "type", N_("Type a source"), id="import.type"),
        Binding("b", "browse", N_("Browse"), id="import.browse"),
        Binding("e", "reject", N_("Reject unreadable"), id="import.reject"),
        Binding("p", "part", N_("Next list"), show=False, id="import.part"),
        Binding("v", "view", N_("Show in Review"), show=False, id="import.view"),
    ]

    def __init__(self, desk: Desk, id: str) -> None:
        super().__init__(desk, id)
        self._holdings: dict[str, Any] = {}
        self._origins: dict[str, Any] = {}
        self._bad: dict[str, Row] = {}
        self._rest: Timer | None = None
        self._outdated = True

    def compose(self) -> ComposeResult:
        """Sources, what lies there; the project's sum, its parts, one of them."""
        with Horizontal(id="import-line"):
            yield Static(_("From"), id="import-from")
            yield PathLine(
                id="import-sources",
                files=True,
                value=self.desk.memory.get("import.sources", ""),
                placeholder=_("a folder, zip, tar, video or pattern; or drop files here"),
            )
        yield Static(id="import-said", markup=False)
        yield Static(id="import-sum", markup=False)
        yield Parts(PARTS, id="import-parts")
        yield Static(id="import-empty", markup=False)
        yield Lines([], id="import-lines")

    @property
    def _part(self) -> str:
        return self.query_one(Parts).shown

    def first(self) -> Widget | None:
        """The list; where nothing is there yet, the line."""
        loaded_empty = self.desk.project.loaded and not self.desk.project.rows
        return self.query_one(PathLine) if loaded_empty else self.query_one(Lines)

    def entered(self, filter: str) -> None:
        """Look at the sources anew: they may have changed."""
        super().entered(filter)
        if self._outdated:
            self._add_up(self.desk.project)
        self._look_soon()

    def left(self) -> None:
        """The line stays for the next time."""
        self.desk.memory.put("import.sources", self.query_one(PathLine).value)

    # what the project holds

    def show(self, project: Project) -> None:
        """Add up what is there; of a room that is not on the screen nobody sees it."""
        self._outdated = True
        if self.display:
            self._add_up(project)

    def _add_up(self, project: Project) -> None:
        self._outdated = False
        # with it come numpy and SQLite's rows, for which the first frame must not wait
        from dataprep.inventory import holdings, whole

        pictures = [row.picture for row in project.rows.values()]
        self._holdings = {held.folder: held for held in holdings(pictures)}
        self._bad = {
            row.name: row
            for row in project.rows.values()
            if row.picture.reason and row.decisions.verdict != "reject"
        }
        self.query_one("#import-sum", Static).update(tables.total(whole(pictures), project))
        self._draw()
        names = dict.fromkeys(project.rows)

        def question(dataset: Dataset) -> Mapping[str, Any]:
            from dataprep.inventory import origins

            return {origin.source: origin for origin in origins(dataset.store.sources(), names)}

        self.desk.ask("import origins", question, self._origins_known)

    def _origins_known(self, origins: Mapping[str, Any]) -> None:
        self._origins = dict(origins)
        self._draw()

    def _draw(self) -> None:
        project = self.desk.project
        counts = {
            "folders": str(len(self._holdings)) if len(self._holdings) > 1 else "",
            "origins": str(len(self._origins) or ""),
            "unreadable": str(len(self._bad) or ""),
        }
        parts, lines = self.query_one(Parts), self.query_one(Lines)
        parts.show(parts.shown, counts)
        empty = project.loaded and not project.rows
        parts.display = not empty
        columns, keys = self._table()
        lines.set_columns(columns)
        lines.show(keys, self._cells)
        said = self.query_one("#import-empty", Static)
        said.display = not keys and project.loaded
        said.update(Content(tables.nothing(parts.shown, empty)))
        self.refresh_bindings()

    def _table(self) -> tuple[list[Column], Sequence[str]]:
        if self._part == "folders":
            return tables.folders(self.size.width), list(self._holdings)
        if self._part == "origins":
            return tables.origins(), list(self._origins)
        return tables.unreadable(self._bad, self.size.width), list(self._bad)

    def _cells(self, key: str) -> Sequence[Cell]:
        if self._part == "folders":
            return tables.holding_cells(self._holdings[key])
        if self._part == "origins":
            return tables.origin_cells(self._origins[key])
        return key, Text(self._bad[key].problem, "dim")

    @on(Parts.Chosen)
    def _part_chosen(self, event: Parts.Chosen) -> None:
        event.stop()
        event.parts.shown = event.name
        self._draw()

    def action_part(self) -> None:
        """Show the next list."""
        parts = self.query_one(Parts)
        parts.shown = parts.following
        self._draw()

    def on_resize(self) -> None:
        """Use the width there is."""
        self._draw()

    # what is to come

    def values(self) -> Mapping[str, Any]:
        """The sources, as they were typed."""
        words = self.query_one(PathLine).words
        return {"sources": words} if words else {}

    def show_command(self) -> None:
        """Show the command; without a source there is none."""
        if self.values():
            super().show_command()

    @on(Input.Changed, "#import-sources")
    def _typing(self, event: Input.Changed) -> None:
        event.stop()
        self._look_soon()

    def _look_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._look_now)

    def _look_now(self) -> None:
        words = self.query_one(PathLine).words
        if self.display:
            self.show_command()
        if words:
            self._look(self.query_one(PathLine).value, words)
        else:
            self._foresee("", False)

    @work(thread=True, exclusive=True, group="foresee", exit_on_error=False)
    def _look(self, line: str, words: list[str]) -> None:
        from dataprep.stages.importing import Settings, foresee

        worker = get_current_worker()
        try:
            counts, issues = foresee(self.desk.root, Settings(sources=tuple(words)))
        except DataprepError as error:
            answer = Foreseen(line, error.message, True)
        except OSError as error:
            answer = Foreseen(line, str(error), True)
        else:
            said = ", ".join(
                n_(*KINDS[kind], count) for kind, count in counts.items() if kind in KINDS
            )
            said = said or _("nothing that can be imported")
            remark = f" · {issues[0].reason}" if issues else ""
            answer = Foreseen(line, said + remark, not counts)
        if not worker.is_cancelled:
            self.post_message(answer)

    @on(Foreseen)
    def _foreseen(self, event: Foreseen) -> None:
        event.stop()
        if event.line == self.query_one(PathLine).value:
            self._foresee(event.said, event.wrong)

    def _foresee(self, said: str, wrong: bool) -> None:
        line = self.query_one("#import-said", Static)
        ready = "   " + _("enter brings them in") if said and not wrong else ""
        line.update(
            Content.assemble(
                (said, "$text-error" if wrong else "$text-success"), (ready, "$text-muted")
            )
        )

    def on_paste(self, event: Paste) -> None:
        """A file that is dropped anywhere in the room lands in the line."""
        event.stop()
        line = self.query_one(PathLine)
        line.take(event.text)
        line.focus()

    @on(Input.Submitted, "#import-sources")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.run_stage()

    def run_stage(self) -> None:
        """Bring the pictures in."""
        values = self.values()
        if not values:
            self.desk.say(_("name a folder, an archive or a video to bring in"), "warning")
            self.query_one(PathLine).focus()
            return
        self.show_command()
        if self.desk.run(self.VERB, values):
            self.query_one(Lines).focus()

    def job_ended(self, report: Report) -> None:
        """What came in is not to come in again."""
        if report.stage == self.VERB and not report.dry_run and not report.exit_code:
            self.query_one(PathLine).value = ""
            self.left()

    # keys

    def action_type(self) -> None:
        """Type into the line."""
        self.query_one(PathLine).focus()

    def action_leave_line(self) -> None:
        """Go from the line to the list."""
        self.query_one(Lines).focus()

    def action_browse(self) -> None:
        """Choose what is to be imported by walking the disk."""
        wanted = Wanted(_("Bring pictures in"), _("Everything in this folder"), files=True)
        words = self.values().get("sources", [])
        near = Path(words[-1]).expanduser() if words else self.desk.root.resolve().parent
        start = near if near.is_dir() else near.parent
        self.app.push_screen(FolderDialog(wanted, start), self._browsed)

    def _browsed(self, path: Path | None) -> None:
        if path is not None:
            line = self.query_one(PathLine)
            line.take(str(path))
            line.focus()

    def action_reject(self) -> None:
        """Reject every picture that cannot be read; the files stay."""
        names = list(self._bad)

        def changes(dataset: Dataset) -> list[Change]:
            from dataprep.cleaning import verdict

            return [c for name in names for c in verdict(dataset, name, "reject", "unreadable")]

        self.desk.show_command("verdict", {"verdict": "reject", "found": "unreadable"})
        self.desk.edit(tables.edit_name(names), changes)

    def action_view(self) -> None:
        """Go to Review with the pictures of the line."""
        key = self.query_one(Lines).current
        if self._part == "unreadable":
            self.desk.go("review", "unreadable")
        elif self._part == "folders" and key:
            quoted = '"' + key.replace('"', '""') + '"'
            self.desk.go("review", f"folder:{quoted}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Reject only where something cannot be read."""
        if action == "reject":
            return bool(self._bad)
        if action == "leave_line":
            return self.query_one(PathLine).has_focus
        return True
