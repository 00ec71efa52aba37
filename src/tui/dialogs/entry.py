"""One line to type."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.words import N_, _


class EntryDialog(ModalScreen[str | None]):
    """Asks for a text; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="entry.leave"),
    ]

    def __init__(
        self, title: str, value: str, help: str, complaint: Callable[[str], str] = lambda _: ""
    ) -> None:
        """``complaint`` says what is wrong with a text; empty: nothing is."""
        super().__init__()
        self._title = title
        self._value = value
        self._help = help
        self._complaint = complaint

    def compose(self) -> ComposeResult:
        """Title, line, help."""
        with Vertical(id="entry", classes="dialog"):
            yield Static(Content.styled(self._title, "bold"), id="entry-title")
            yield Input(self._value, compact=True, id="entry-line")
            yield Static(Content.styled(self._help, "$text-muted"), id="entry-help")
            keys = _("enter takes it, esc goes back")
            yield Static(Content.styled(keys, "$text-muted"), id="entry-keys")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say("", "$text-muted")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        text = event.value.strip()
        wrong = self._complaint(text)
        if wrong:
            self._say(wrong, "$text-error")
        else:
            self.dismiss(text)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#entry-help", Static).update(Content.styled(text or self._help, style))

    def action_leave(self) -> None:
        """Close and change nothing."""
        self.dismiss(None)
