"""The list of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.message import Message
from textual.widgets import DataTable

from tui.state import Row

NARROW = 50
"""Below this width the table gives names less room."""
NAME_WIDTHS = (16, 24)
CAPTION_WIDTH = 400
"""Wider than any terminal: what does not fit is cut off by the edge."""

MARKS = {
    "bad": ("!", "red", "cannot be used; the preview says why"),
    "reject": ("×", "dim", "rejected"),
    "bare": ("○", "", "no caption yet"),
    "captioned": ("●", "", "has a caption"),
    "keep": ("✓", "green", "kept"),
}
"""What the first column shows: sign, style, meaning."""


class PictureTable(DataTable[Text]):
    """One picture a row: mark, name, size, caption. Says which one the cursor is on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="table.down"),
        Binding("k", "cursor_up", "Up", show=False, id="table.up"),
        Binding("g", "first_of_two", "Top (twice)", show=False, id="table.top"),
        Binding("G", "scroll_bottom", "Bottom", show=False, id="table.bottom"),
    ]

    class Shown(Message):
        """The cursor is on this picture; None when there is none."""

        def __init__(self, row: Row | None) -> None:
            super().__init__()
            self.row = row

    def __init__(self, id: str) -> None:
        super().__init__(id=id, cursor_type="row", zebra_stripes=True)
        self._rows: dict[str, Row] = {}
        self._narrow: bool | None = None
        self._g_pressed = False

    def show(self, rows: Sequence[Row]) -> None:
        """List these rows; the cursor stays on its picture if that is among them."""
        fresh = {row.name: row for row in rows}
        if fresh != self._rows:
            current = self.current
            self._rows = fresh
            self._fill(current.name if current else "")
            # the cursor need not have moved for its picture to be another one
            self.post_message(self.Shown(self.current))

    @property
    def current(self) -> Row | None:
        """The picture the cursor is on."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return self._rows.get(key or "")

    def action_first_of_two(self) -> None:
        """Go to the top at the second press of two in quick succession."""
        if self._g_pressed:
            self.action_scroll_top()
        self._g_pressed = not self._g_pressed
        self.set_timer(0.6, self._forget_g)

    def _forget_g(self) -> None:
        self._g_pressed = False

    @on(DataTable.RowHighlighted)
    def _cursor_moved(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.post_message(self.Shown(self.current))

    def on_resize(self, event: Resize) -> None:
        """Give names the room there is."""
        narrow = event.size.width < NARROW
        if narrow != self._narrow:
            self._narrow = narrow
            current = self.current
            self._fill(current.name if current else "")

    def _fill(self, cursor: str) -> None:
        with self.app.batch_update():
            self.clear(columns=True)
            limit = NAME_WIDTHS[0 if self._narrow else 1]
            rows = {name: _cells(row, limit) for name, row in self._rows.items()}
            # widths left to the table are measured too late, after the first drawing
            for place, label in enumerate((" ", "name", "size")):
                cells = (row[place].cell_len for row in rows.values())
                self.add_column(label, width=max(len(label), *cells, 0))
            self.add_column("caption", width=CAPTION_WIDTH)
            for name, row in rows.items():
                self.add_row(*row, key=name)
            if cursor in self._rows:
                self.move_cursor(row=self.get_row_index(cursor))


def _cells(row: Row, name_width: int) -> tuple[Text, Text, Text, Text]:
    """A row's cells. All ``Text``: what looks like markup in a name is part of the name."""
    sign, style, _ = MARKS[mark(row)]
    caption = Text(row.problem, "red") if row.problem else Text(row.caption.replace("\n", " "))
    return Text(sign, style), Text(elided(row.name, name_width)), Text(row.size), caption


def mark(row: Row) -> str:
    """Which of ``MARKS`` a picture gets; what needs attention goes first."""
    if row.problem:
        return "bad"
    if row.decisions.verdict in ("reject", "keep"):
        return row.decisions.verdict
    return "captioned" if row.caption else "bare"


def elided(name: str, width: int) -> str:
    """A name cut in its middle: its end, with the number and the ending, tells files apart."""
    if cell_len(name) <= width:
        return name
    end = min(len(PurePosixPath(name).suffix) + 4, width // 2)
    head, tail = name[:-end], name[-end:]
    while head and cell_len(head) + 1 + cell_len(tail) > width:
        head = head[:-1]
    return f"{head}…{tail}"
