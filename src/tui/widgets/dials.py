"""The settings that matter most, in a row: each with the keys that change it, and clickable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.app import RenderResult
from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from dataprep.columns import wide

GAP = 2


@dataclass(frozen=True, slots=True)
class Dial:
    """One setting as it stands."""

    name: str
    keys: str
    """What changes it, as the person reads it."""
    title: str
    value: str

    @property
    def width(self) -> int:
        """Columns that it takes."""
        return wide(self.keys) + wide(self.title) + wide(self.value) + 2

    def drawn(self) -> Content:
        """Its keys, its name and its value."""
        return Content.assemble(
            (self.keys, "$footer-key-foreground bold"),
            " ",
            (self.title, "$text-muted"),
            " ",
            (self.value, "bold"),
        )


class Dials(Widget):
    """Dials beside each other, in as many lines as they need."""

    DEFAULT_CSS = """
    Dials { height: auto; width: 1fr; }
    """

    class Turned(Message):
        """A dial was clicked; ``by`` is 1, or -1 with the other button."""

        def __init__(self, name: str, by: int) -> None:
            super().__init__()
            self.name = name
            self.by = by

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._dials: Sequence[Dial] = ()

    def show(self, dials: Sequence[Dial]) -> None:
        """Show these."""
        if dials != self._dials:
            self._dials = dials
            self.refresh(layout=True)

    @property
    def dials(self) -> Sequence[Dial]:
        """What is shown."""
        return self._dials

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as the dials need."""
        return max(1, len(self._lines(width)))

    def render(self) -> RenderResult:
        """Line by line."""
        gap = Content(" " * GAP)
        lines = self._lines(self.content_size.width)
        return Content("\n").join(gap.join(dial.drawn() for dial in line) for line in lines)

    def on_click(self, event: Click) -> None:
        """Turn the dial that was clicked; on the first of its two keys, back."""
        lines = self._lines(self.content_size.width)
        if event.y < len(lines):
            column = 0
            for dial in lines[event.y]:
                if column <= event.x < column + dial.width:
                    first = dial.keys.partition(" ")
                    back = bool(first[1]) and event.x < column + wide(first[0])
                    by = -1 if back or event.button != 1 else 1
                    self.post_message(self.Turned(dial.name, by))
                column += dial.width + GAP

    def _lines(self, width: int) -> list[list[Dial]]:
        lines: list[list[Dial]] = []
        left = 0
        for dial in self._dials:
            if not lines or dial.width > left:
                lines.append([])
                left = width
            lines[-1].append(dial)
            left -= dial.width + GAP
        return lines
