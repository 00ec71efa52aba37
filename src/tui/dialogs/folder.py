"""Walks the disk: asks for a folder to open, a new one, or something to import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from dataprep.errors import UsageError
from dataprep.paths import Listing, absolute, listing
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.path_line import PathLine
from tui.words import N_, _, n_

HERE, UP = "./", "../"
"""Keys of the lines that mean this folder and the one above; names have no slash in front."""

KEYS = N_("enter takes or opens, ← → walk, / types a path, esc goes back")
NEW_KEYS = N_("enter takes the path, tab completes it, esc goes back")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for."""

    title: str
    here: str
    """What the line says that takes the folder itself, such as "Open this folder"."""
    files: bool = False
    """A file that can be imported may be taken too."""
    new: bool = False
    """A path that is not there yet may be taken too."""


class FolderDialog(ModalScreen[Path | None]):
    """A path to type in, above the folder it leads to; None when the person thought better."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="folder.leave"),
        Binding("left,h,backspace", "up", N_("The folder above"), show=False, id="folder.up"),
        Binding("right,l", "into", N_("Into the folder"), show=False, id="folder.into"),
        Binding("slash", "type", N_("Type a path"), show=False, id="folder.type"),
    ]

    class Listed(Message):
        """A folder was listed; or why it cannot be."""

        def __init__(self, found: Listing | None, came_from: str, problem: str) -> None:
            super().__init__()
            self.found = found
            self.came_from = came_from
            self.problem = problem

    def __init__(self, wanted: Wanted, start: Path) -> None:
        super().__init__()
        self._wanted = wanted
        self._start = start
        self._found: Listing | None = None

    def compose(self) -> ComposeResult:
        """Title, path, what is wrong, the folder, keys."""
        wanted = self._wanted
        with Vertical(id="folder", classes="dialog"):
            yield Static(Content.styled(wanted.title, "bold"), id="folder-title")
            yield PathLine(id="folder-path", files=wanted.files, value=str(self._start))
            yield Static(id="folder-problem", markup=False)
            yield Lines([Column()], id="folder-lines")
            yield Static(_(NEW_KEYS if wanted.new else KEYS), id="folder-keys")

    def on_mount(self) -> None:
        """Begin with the folder, or with the path that is still to be made."""
        if self._wanted.new:
            self._list(self._start.parent, "")
            line = self.query_one(PathLine)
            line.focus()
            line.cursor_position = len(line.value)
        else:
            self._list(self._start, "")
            self.query_one(Lines).focus()

    @work(thread=True, exclusive=True, group="listing", exit_on_error=False)
    def _list(self, folder: Path, came_from: str) -> None:
        try:
            answer = self.Listed(listing(folder), came_from, "")
        except UsageError as error:
            answer = self.Listed(None, came_from, error.message)
        self.post_message(answer)

    @on(Listed)
    def _listed(self, event: Listed) -> None:
        self._complain(event.problem)
        if event.found is None:
            return
        found = self._found = event.found
        lines, path = self.query_one(Lines), self.query_one(PathLine)
        if not path.has_focus:
            path.value = str(found.folder)
        files = found.files if self._wanted.files else ()
        keys = [HERE, UP, *(f"{name}/" for name in found.folders), *files]
        lines.place = 0
        lines.show(keys, self._cells)
        lines.move_to(f"{event.came_from}/" if event.came_from else HERE)

    def _cells(self, key: str) -> Sequence[Cell]:
        if key == HERE and self._found is not None:
            pictures = self._found.pictures
            said = n_("{n} picture", "{n} pictures", pictures) if pictures else ""
            return (Text.assemble((self._wanted.here, "bold"), ("   " + said, "dim")),)
        if key == UP:
            return (Text("← ../", "dim"),)
        return (Text(key, "" if key.endswith("/") else "dim"),)

    @on(Lines.Chosen, "#folder-lines")
    def _chosen(self, event: Lines.Chosen) -> None:
        if self._found is None:
            return
        if event.key == HERE:
            self.dismiss(self._found.folder)
        elif event.key == UP:
            self.action_up()
        elif event.key.endswith("/"):
            self._list(self._found.folder / event.key, "")
        else:
            self.dismiss(self._found.folder / event.key)

    def action_up(self) -> None:
        """Go to the folder above; the cursor stays on the one that was left."""
        if self._found is not None:
            self._list(self._found.folder.parent, self._found.folder.name)

    def action_into(self) -> None:
        """Go into the folder under the cursor."""
        key = self.query_one(Lines).current
        if self._found is not None and key.endswith("/") and key != HERE:
            self._list((self._found.folder / key).resolve(), "")

    def action_type(self) -> None:
        """Type a path."""
        self.query_one(PathLine).focus()

    @on(Input.Submitted, "#folder-path")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        words = self.query_one(PathLine).words
        if not words:
            self._complain(_("type a path, or choose one below"))
            return
        path = absolute(words[0])
        if (
            path.is_dir()
            or (self._wanted.files and path.is_file())
            or (self._wanted.new and not path.exists())
        ):
            self.dismiss(path)
        elif path.exists():
            self._complain(_("{path} is a file, not a folder").format(path=path))
        else:
            self._complain(_("{path}: there is no such folder").format(path=path))

    @on(Input.Changed, "#folder-path")
    def _typing(self, event: Input.Changed) -> None:
        event.stop()
        self._complain("")

    def action_leave(self) -> None:
        """Close the dialog; from the path that is typed, first back to the folder."""
        if self.query_one(PathLine).has_focus and not self._wanted.new:
            self.query_one(Lines).focus()
        else:
            self.dismiss(None)

    def _complain(self, sentence: str) -> None:
        said = self.query_one("#folder-problem", Static)
        said.display = bool(sentence)
        said.update(Content(sentence))
