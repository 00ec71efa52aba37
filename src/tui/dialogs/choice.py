"""One of several, each in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.widgets.lines import Cell, Column, Lines, fitted
from tui.words import N_, _

MOST = 12
"""So many lines are shown at once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of them."""

    key: str
    text: str
    note: str = ""
    """Stands behind it, fainter."""


class ChoiceDialog(ModalScreen[str | None]):
    """Asks which one; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Back"), id="choice.leave"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], now: str = "") -> None:
        """``now`` is the key of the one on which to begin."""
        super().__init__()
        self._title = title
        self._choices = {choice.key: choice for choice in choices}
        self._now = now

    def compose(self) -> ComposeResult:
        """Title, lines, keys."""
        width = fitted([choice.text for choice in self._choices.values()], 8, 40)
        with Vertical(id="choice", classes="dialog"):
            yield Static(Content.styled(self._title, "bold"), id="choice-title")
            yield Lines([Column("", width), Column("", 0)], id="choice-lines")
            yield Static(
                Content.styled(_("enter takes it, esc goes back"), "$text-muted"), id="choice-keys"
            )

    def on_mount(self) -> None:
        """Begin on the one that is meant now."""
        lines = self.query_one(Lines)
        lines.styles.height = min(MOST, len(self._choices))
        lines.show(list(self._choices), self._cells)
        lines.move_to(self._now)
        lines.focus()

    def _cells(self, key: str) -> Sequence[Cell]:
        choice = self._choices[key]
        return choice.text, Text(choice.note, "dim")

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self.dismiss(event.key)

    def action_leave(self) -> None:
        """Close and choose nothing."""
        self.dismiss(None)
