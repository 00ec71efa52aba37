"""Where an epoch's LoRA is copied to, and as what."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.words import N_, _


class CopyTo(NamedTuple):
    """A folder, and the file's name without its ending."""

    folder: str
    name: str


class CopyDialog(ModalScreen[CopyTo | None]):
    """Asks for folder and name; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="copy.leave"),
        Binding("up", "app.focus_previous", N_("Previous"), show=False, id="copy.previous"),
        Binding("down", "app.focus_next", N_("Next"), show=False, id="copy.next"),
    ]

    def __init__(self, label: str, folder: str, name: str) -> None:
        super().__init__()
        self._label = label
        self._folder = folder
        self._file = name

    def compose(self) -> ComposeResult:
        """Two lines to type in."""
        with Vertical(id="copy", classes="dialog"):
            title = _("Copy {epoch} to a LoRA folder").format(epoch=self._label)
            yield Static(Content.styled(title, "bold"))
            yield Static(_("Folder, such as A1111's models/Lora or ComfyUI's models/loras"))
            yield Input(self._folder, compact=True, id="copy-to")
            yield Static(_("Name"))
            yield Input(self._file, compact=True, id="copy-name")
            yield Static("", id="copy-why", markup=False)
            yield Static(_("enter copies, esc goes back"), id="copy-prompt")

    def on_mount(self) -> None:
        """Begin with what is missing."""
        self.query_one("#copy-name" if self._folder else "#copy-to").focus()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        folder = self.query_one("#copy-to", Input).value.strip()
        name = self.query_one("#copy-name", Input).value.strip()
        why = "" if folder else _("a folder is missing")
        why = why or ("" if name else _("a name is missing"))
        self.query_one("#copy-why", Static).update(Content(why))
        if not why:
            self.dismiss(CopyTo(folder, name))

    def action_leave(self) -> None:
        """Close and do nothing."""
        self.dismiss(None)
