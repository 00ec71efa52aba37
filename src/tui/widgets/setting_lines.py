"""Settings one below the other: left and right try values, enter types one."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from tui.widgets.lines import Lines
from tui.words import N_


class SettingLines(Lines):
    """Says which setting a person wants to change, and how. It knows no values."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", N_("Change"), id="settings.change"),
        Binding("right,l,plus", "step(1)", N_("More"), show=False, id="settings.more"),
        Binding("left,h,minus", "step(-1)", N_("Less"), show=False, id="settings.less"),
        Binding("backspace,delete", "usual", N_("As usual"), show=False, id="settings.usual"),
    ]

    class Stepped(Message):
        """Try the next value (``by`` 1) or the one before (-1)."""

        def __init__(self, key: str, by: int) -> None:
            super().__init__()
            self.key = key
            self.by = by

    class Usual(Message):
        """Back to the default."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def action_step(self, by: int) -> None:
        """Ask for the next value."""
        if self.current:
            self.post_message(self.Stepped(self.current, by))

    def action_usual(self) -> None:
        """Ask for the default."""
        if self.current:
            self.post_message(self.Usual(self.current))
