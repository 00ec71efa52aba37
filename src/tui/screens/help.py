"""What the keys do and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.widgets.table import MARKS

ALWAYS = (
    ("tab", "Next part of the screen"),
    ("enter", "On a stage: its settings, then run"),
    ("q", "Quit"),
)


class HelpScreen(ModalScreen[None]):
    """A page made from the bindings themselves; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter", "dismiss", "Back", id="help.leave"),
    ]

    def __init__(self, bindings: Iterable[BindingType]) -> None:
        super().__init__()
        self._keys = [binding for binding in bindings if isinstance(binding, Binding)]

    def compose(self) -> ComposeResult:
        """Keys, then signs."""
        with VerticalScroll(id="help"):
            rows = [(self.app.get_key_display(key), key.description) for key in self._keys]
            yield Static(_table("Keys", [*rows, *ALWAYS]))
            signs = [(sign, text) for sign, _, text in MARKS.values()]
            yield Static(_table("Signs", signs), classes="later")


def _table(title: str, rows: list[tuple[str, str]]) -> Content:
    lines: list[Content] = [Content.styled(title, "bold")]
    for left, right in rows:
        lines.append(Content.assemble((f"{left:>6}  ", "$primary"), right))
    return Content("\n").join(lines)
