"""The edits made so far: what each did, and the way back to any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from dataprep.columns import printable
from dataprep.journal import Edit, State, redone_next, undone_next
from tui.desk import Desk, ProjectRead
from tui.dialogs.confirm import ConfirmDialog
from tui.widgets.diff_view import DiffView
from tui.widgets.keys import Keys
from tui.widgets.lines import Cell, Column, Lines, fitted
from tui.words import N_, _, n_

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

NARROW = 90
"""Below this width the list says less."""


class Sign(NamedTuple):
    """How a state is drawn."""

    sign: str
    style: str
    faint: bool = False


HERE = Sign("▸", "bold green")
"""Of the last edit that stands: an undo takes it back."""
SIGNS: Mapping[State, Sign] = {
    "done": Sign("●", "green"),
    "undone": Sign("○", "yellow", faint=True),
    "dropped": Sign("·", "", faint=True),
}
UNDER_WAY = Sign("…", "yellow")


class Journal(NamedTuple):
    """What the dialog knows of the project."""

    edits: Sequence[Edit]
    """Oldest first."""
    sizes: Mapping[int, Mapping[str, int]]
    """How many changes of each kind an edit has, by its number."""


def read(dataset: Dataset) -> Journal:
    """Read the journal without the changes."""
    return Journal(dataset.history(), dataset.store.edit_sizes())


class HistoryDialog(ModalScreen[None]):
    """Lists the edits, newest first; Enter shows one, and keys undo, redo and go back to one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", N_("Back"), key_display="esc", id="history.leave"),
        Binding("o,right", "open", N_("What it did"), key_display="enter", id="history.open"),
        Binding("u", "undo", N_("Undo"), id="history.undo"),
        Binding("U,ctrl+r", "redo", N_("Redo"), key_display="U", id="history.redo"),
        Binding("b", "go_here", N_("Go to here"), id="history.go"),
        Binding("H", "leave", N_("Close"), show=False, id="history.close"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._edits: dict[str, Edit] = {}
        self._sizes: Mapping[int, Mapping[str, int]] = {}
        self._next = ""
        self._lines = Lines((), "history-edits")
        self._diff = DiffView("history-diff")

    def compose(self) -> ComposeResult:
        """Where one is, the edits or the changes of one, the keys."""
        with Vertical(id="history", classes="dialog"):
            yield Static(id="history-title", markup=False)
            yield self._lines
            yield self._diff
            yield Keys(id="history-keys")

    def on_mount(self) -> None:
        """Read the journal."""
        self._diff.display = False
        self._lines.focus()
        self._ask()

    @on(ProjectRead)
    def _project_read(self) -> None:
        self._ask()

    def _ask(self) -> None:
        self.desk.ask("history", read, self._show)

    def _show(self, journal: Journal) -> None:
        if not self.is_attached:
            return
        newest_first = list(reversed(journal.edits))
        self._edits = {str(edit.id): edit for edit in newest_first}
        self._sizes = journal.sizes
        last = undone_next(journal.edits)
        self._next = str(last.id) if last else ""
        self._columns()
        self._lines.show(list(self._edits), self._cells)
        if self._lines.display:
            self._title(journal.edits)
        self.refresh_bindings()

    def _title(self, edits: Sequence[Edit]) -> None:
        standing = sum(edit.state == "done" for edit in edits)
        undone = sum(edit.state == "undone" for edit in edits)
        parts: list[Content] = [Content.styled(_("History"), "bold")]
        if not edits:
            parts.append(
                Content.styled(_("no edits yet: what you do is listed here"), "$text-muted")
            )
        else:
            parts.append(Content(n_("{n} edit stands", "{n} edits stand", standing)))
        if undone:
            said = n_("{n} can be redone", "{n} can be redone", undone)
            parts.append(Content.styled(said, "$text-warning"))
        self.query_one("#history-title", Static).update(Content("   ").join(parts))

    def _columns(self) -> None:
        texts = [_sizes(self._sizes.get(edit.id, {})) for edit in self._edits.values()]
        times = [when(edit.at, date.today()) for edit in self._edits.values()]
        counts = [Column(N_("changes"), fitted(texts, 7, 28), "right")]
        self._lines.set_columns(
            [
                Column("", 1),
                Column("", 4, "right"),
                Column(N_("when"), fitted(times, 5, 16)),
                Column(N_("edit")),
                *(counts if self.size.width >= NARROW else []),
            ]
        )

    def on_resize(self, event: Resize) -> None:
        """More room, more columns."""
        self._columns()

    def _cells(self, key: str) -> Sequence[Cell]:
        edit = self._edits[key]
        sign = HERE if key == self._next else SIGNS.get(edit.state, UNDER_WAY)
        style = "dim" if sign.faint else ""
        name = Text(printable(edit.name), style + " strike" * (edit.state == "dropped"))
        return (
            Text(sign.sign, sign.style),
            Text(key, "dim"),
            Text(when(edit.at, date.today()), "dim"),
            name,
            Text(_sizes(self._sizes.get(edit.id, {})), "dim"),
        )

    # one edit

    @on(Lines.Chosen, "#history-edits")
    def _chosen(self, event: Lines.Chosen) -> None:
        number = int(event.key)
        self.desk.ask("history edit", lambda dataset: dataset.store.edit(number), self._open)

    def _open(self, edit: Edit) -> None:
        if not self.is_attached:
            return
        title = Content.assemble(
            (printable(edit.name), "bold"),
            ("   " + said_of(edit.state), "$text-muted"),
        )
        self.query_one("#history-title", Static).update(title)
        self._lines.display = False
        self._diff.display = True
        self._diff.show(edit.changes)
        self._diff.focus()
        self.refresh_bindings()

    def action_open(self) -> None:
        """Show what the edit under the cursor did."""
        self._lines.action_choose()

    def action_back(self) -> None:
        """From one edit to the list; from the list out."""
        if not self._diff.display:
            self.dismiss(None)
            return
        self._diff.display = False
        self._lines.display = True
        self._lines.focus()
        self._title(list(reversed(self._edits.values())))
        self.refresh_bindings()

    def action_leave(self) -> None:
        """Close the dialog."""
        self.dismiss(None)

    # to and fro

    def action_undo(self) -> None:
        """Take the last edit back."""
        self.desk.run("undo")

    def action_redo(self) -> None:
        """Carry out again what was undone last."""
        self.desk.run("redo")

    def action_go_here(self) -> None:
        """Undo what was done after the edit under the cursor, or redo up to it, when confirmed."""
        edit = self._edits.get(self._lines.current)
        if edit is None:
            return
        if edit.state == "undone":
            steps = [one for one in self._edits.values() if one.state == "undone"]
            number = sum(one.id <= edit.id for one in steps)
            question = n_(
                "Redo {n} edit, up to this one?", "Redo {n} edits, up to this one?", number
            )
            self._confirm("redo", edit, question, _("Redo"))
            return
        if edit.state != "done":
            self.desk.say(_("another edit was made since this one was undone: it stays undone"))
            return
        number = sum(one.state == "done" and one.id > edit.id for one in self._edits.values())
        if not number:
            self.desk.say(_("this is the last edit that stands"))
            return
        question = n_(
            "Undo {n} edit that was made after this one?",
            "Undo {n} edits that were made after this one?",
            number,
        )
        self._confirm("undo", edit, question, _("Undo"))

    def _confirm(self, verb: str, edit: Edit, question: str, yes: str) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                self.desk.run(verb, {"to": edit.id})

        self.app.push_screen(ConfirmDialog(question, yes, printable(edit.name)), answered)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        edits = list(reversed(self._edits.values()))
        here = {
            "undo": undone_next(edits) is not None,
            "redo": redone_next(edits) is not None,
            "open": bool(edits),
            "go_here": bool(edits),
        }
        # beside one edit's changes they would seem to be about that edit
        return here[action] and not self._diff.display if action in here else True


def when(at: str, today: date) -> str:
    """A time as people say it: today only the hour, this year without the year."""
    moment = datetime.fromisoformat(at)
    if moment.date() == today:
        return f"{moment:%H:%M:%S}"
    return f"{moment:%m-%d %H:%M}" if moment.year == today.year else f"{moment:%Y-%m-%d}"


def said_of(state: State) -> str:
    """What became of an edit."""
    said = {
        "done": N_("stands"),
        "undone": N_("undone; can be redone"),
        "dropped": N_("undone for good: another edit was made since"),
    }
    otherwise = N_("under way")
    return _(said.get(state, otherwise))


def _sizes(sizes: Mapping[str, int]) -> str:
    parts = []
    if captions := sizes.get("caption", 0):
        parts.append(n_("{n} caption", "{n} captions", captions))
    if decisions := sizes.get("decision", 0):
        parts.append(n_("{n} decision", "{n} decisions", decisions))
    return ", ".join(parts)
