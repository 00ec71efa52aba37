"""What a stage would change: shown before it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dataprep.journal import Change
from tui.widgets.diff_view import DiffView
from tui.widgets.keys import Keys
from tui.words import N_


class ChangesDialog(ModalScreen[bool]):
    """A list of changes in colours; true when the person wants them carried out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "answer(True)", N_("Do it"), id="changes.do"),
        Binding("escape,q,D", "answer(False)", N_("Back"), key_display="esc", id="changes.leave"),
    ]

    def __init__(self, title: str, changes: Sequence[Change]) -> None:
        super().__init__()
        self._title = title
        self._changes = changes

    def compose(self) -> ComposeResult:
        """Title, changes, keys."""
        with Vertical(id="changes", classes="dialog"):
            yield Static(Content.styled(self._title, "bold"), id="changes-title")
            yield DiffView("changes-diff")
            yield Keys(id="changes-keys")

    def on_mount(self) -> None:
        """Show the changes."""
        view = self.query_one(DiffView)
        view.show(self._changes)
        view.focus()

    def action_answer(self, do: bool) -> None:
        """Close with the answer."""
        self.dismiss(do)
