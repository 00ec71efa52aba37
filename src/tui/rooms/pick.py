"""Which epoch to keep: the grid with its scores, and the way into a LoRA folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from dataprep import scoresheet
from dataprep.dataset import Dataset
from dataprep.report import Report
from dataprep.scoresheet import BASE, Sheet
from tui.dialogs.copy import CopyDialog, CopyTo
from tui.dialogs.large import LargeScreen
from tui.rooms.room import Room
from tui.state import Project
from tui.widgets.grid_view import GridView, Head
from tui.words import N_, _

SHOWN = 3
"""Seeds that the grid shows of each prompt."""


class PickRoom(Room):
    """Shows what ``score`` drew; ``x`` scores, ``c`` copies the epoch with the cursor."""

    VERB: ClassVar[str] = "score"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", N_("Copy to a LoRA folder"), id="pick.copy"),
        Binding("b", "best", N_("Best epoch"), show=False, id="pick.best"),
        Binding("y", "copy_path", N_("Copy the file's path"), show=False, id="pick.path"),
    ]

    def compose(self) -> ComposeResult:
        """Words above the grid."""
        yield Static(id="pick-words", markup=False)
        yield GridView(id="pick-grid")

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._sheet: Sheet | None = None
        self._chosen = self.desk.memory.get("pick", "")

    def first(self) -> Widget:
        """The grid."""
        return self.query_one(GridView)

    def show(self, project: Project) -> None:
        """Read the sheet again; training and scoring happen elsewhere."""
        folder = self.desk.training_folder

        def read(dataset: Dataset) -> Sheet | None:
            return scoresheet.read(folder)

        self.desk.ask("pick", read, self._read)

    def entered(self, filter: str) -> None:
        """Look again: a run may have ended."""
        super().entered(filter)
        self.show(self.desk.project)

    def left(self) -> None:
        """Remember the choice."""
        self.desk.memory.put("pick", self._chosen)

    def _read(self, sheet: Sheet | None) -> None:
        if sheet == self._sheet and sheet is not None:
            return
        self._sheet = sheet
        grid = self.query_one(GridView)
        grid.display = sheet is not None
        if sheet is None:
            self._say(self._nothing())
            return
        rows = [(prompt, seed) for prompt in sheet.prompts for seed in sheet.seeds[:SHOWN]]
        cells = sheet.cells()
        paths = {
            (x, y): Path(cells[column.name, *row].path)
            for x, column in enumerate(sheet.columns)
            for y, row in enumerate(rows)
            if (column.name, *row) in cells
        }
        heads = [
            Head(called(column.name), f"{column.uptake[0]:.0%}", column.name == sheet.best)
            for column in sheet.columns
        ]
        grid.show(heads, len(rows), paths)
        names = [column.name for column in sheet.columns]
        wanted = self._chosen if self._chosen in names else sheet.best
        grid.point_at(names.index(wanted))
        self._describe()

    def _nothing(self) -> Content:
        if self.desk.project.standing and self.desk.project.standing["train"].state == "todo":
            return Content(_("Nothing is trained yet: t trains, and x scores it afterwards."))
        return Content(
            _(
                "Not scored yet. x draws samples of every epoch with the same seeds, looks for the"
                " pruned tags in them, and says which epoch's trigger word draws most of them."
            )
        )

    def _say(self, content: Content) -> None:
        self.query_one("#pick-words", Static).update(content)

    @on(GridView.Moved)
    def _moved(self) -> None:
        self._describe()

    @property
    def _column(self) -> scoresheet.Column | None:
        if self._sheet is None:
            return None
        return self._sheet.columns[self.query_one(GridView).place[0]]

    def _describe(self) -> None:
        sheet, column = self._sheet, self._column
        if sheet is None or column is None:
            return
        if column.file:
            self._chosen = column.name
        prompt, seed = self._row()
        base = sheet.column(BASE).uptake[0]
        said = _("the trigger draws {share} of what was pruned (the base alone: {base})")
        asked = _("prompt: {prompt}   seed {seed}")
        self._say(
            Content.assemble(
                (called(column.name), "bold $accent"),
                "  ",
                said.format(share=f"{column.uptake[0]:.0%}", base=f"{base:.0%}"),
                "\n",
                (asked.format(prompt=prompt, seed=seed), "$text-muted"),
                "\n",
                (Path(column.file).name, "$text-muted"),
            )
        )
        self.show_command()

    def _row(self) -> tuple[str, int]:
        assert self._sheet is not None
        seeds = self._sheet.seeds[:SHOWN]
        prompt, seed = divmod(self.query_one(GridView).place[1], len(seeds))
        return self._sheet.prompts[prompt], seeds[seed]

    @on(GridView.Opened)
    def _opened(self) -> None:
        sheet, column = self._sheet, self._column
        if sheet is None or column is None:
            return
        prompt, seed = self._row()
        sample = sheet.cells()[column.name, prompt, seed]
        found = ", ".join(sample.tags)
        words = Content.assemble(
            (called(column.name), "bold"), f"  {prompt}  #{seed}\n", (found, "$text-muted")
        )
        self.app.push_screen(LargeScreen(self.desk.drawing, Path(sample.path), words))

    def show_command(self) -> None:
        """Show how the epoch with the cursor is picked by a command."""
        column = self._column
        if column is None or not column.file:
            super().show_command()
            return
        self.desk.show_command("pick", self._picked(column, self._place(column)))

    def _place(self, column: scoresheet.Column) -> CopyTo:
        folder = self.desk.lora_folder or "LORA_FOLDER"
        return CopyTo(folder, self._own_name())

    def _own_name(self) -> str:
        assert self._sheet is not None
        return self._sheet.trigger or "lora"

    def _picked(self, column: scoresheet.Column, to: CopyTo) -> Mapping[str, Any]:
        return {"to": to.folder, "epoch": column.name, "name": to.name}

    def action_best(self) -> None:
        """Go to the epoch with the highest score."""
        if self._sheet is not None:
            names = [column.name for column in self._sheet.columns]
            self.query_one(GridView).point_at(names.index(self._sheet.best))

    def action_copy(self) -> None:
        """Ask where to, and copy the LoRA of the epoch with the cursor."""
        column = self._column
        if column is None or not column.file:
            self.desk.say(_("choose an epoch first; the base alone is no LoRA"), "warning")
            return
        dialog = CopyDialog(called(column.name), self.desk.lora_folder, self._own_name())

        def answered(to: CopyTo | None) -> None:
            if to is not None:
                self.desk.lora_folder = to.folder
                self.desk.run("pick", self._picked(column, to))

        self.app.push_screen(dialog, answered)

    def action_copy_path(self) -> None:
        """Copy the path of the LoRA file."""
        column = self._column
        if column is not None and column.file:
            self.app.copy_to_clipboard(column.file)
            self.desk.say(_("copied: {text}").format(text=column.file))

    def job_ended(self, report: Report) -> None:
        """Say where the copy lies, and how it is asked for."""
        if report.stage == "pick":
            self.desk.say("\n".join(report.lines))


def called(column: str) -> str:
    """The name of a column as a person reads it."""
    kind, _space, number = column.partition(" ")
    names = {
        BASE: _("base"),
        "last": _("last"),
        "epoch": _("epoch {n}").format(n=number),
        "step": _("step {n}").format(n=number),
    }
    return names.get(kind, column)
