"""Which base model: those on this machine, or a path of one's own."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.widgets.lines import Column, Lines
from tui.words import N_, _


class BaseDialog(ModalScreen[str | None]):
    """Answers with a base model as the trainer takes it; None when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="base.leave"),
        Binding("tab", "app.focus_next", N_("Next"), show=False, id="base.next"),
    ]

    def __init__(self, current: str) -> None:
        super().__init__()
        self._current = current

    def compose(self) -> ComposeResult:
        """The models found, and a line for another."""
        with Vertical(id="base", classes="dialog"):
            yield Static(_("Base model"), id="base-title")
            yield Lines([Column(), Column()], id="base-list")
            another = _("Another: a folder, a .safetensors or .ckpt file, or a name on the Hub")
            yield Static(another, classes="later")
            words = _("folder, file or name")
            yield Input(self._current, compact=True, id="base-path", placeholder=words)
            yield Static(_("enter chooses, tab goes to the line, esc goes back"), id="base-keys")

    def on_mount(self) -> None:
        """List what lies on this machine."""
        from dataprep.weights.bases import bases

        found = {model.value: model for model in bases()}
        lines = self.query_one("#base-list", Lines)
        lines.show(list(found), lambda key: (found[key].name, found[key].where))
        lines.styles.height = min(8, max(1, len(found)))
        lines.move_to(self._current)
        lines.focus()

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        self.dismiss(event.key)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_leave(self) -> None:
        """Close without a choice."""
        self.dismiss(None)
