"""The line in which a filter is typed."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class FilterLine(Input):
    """Narrows the list while one types; Enter keeps the filter, Escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", "Drop filter", id="filter.drop"),
        Binding("down", "keep", "To the list", show=False, id="filter.keep"),
    ]

    class Narrowed(Message):
        """The list is to show what contains this text."""

        def __init__(self, needle: str) -> None:
            super().__init__()
            self.needle = needle

    class Left(Message):
        """Typing is over; the list takes the keys again."""

    def __init__(self, id: str) -> None:
        super().__init__(placeholder="part of a name or caption", compact=True, id=id)
        self.display = False

    def open(self) -> None:
        """Show the line and type into it."""
        self.display = True
        self.focus()

    def drop(self) -> None:
        """Empty and hide the line."""
        self.value = ""
        self.display = False

    def action_drop(self) -> None:
        """Show everything again."""
        self.drop()
        self.post_message(self.Left())

    def action_keep(self) -> None:
        """Go to the list; the filter stays as long as it says something."""
        self.display = bool(self.value)
        self.post_message(self.Left())

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Narrowed(event.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()
