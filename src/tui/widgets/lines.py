"""A list of any length: only the lines on the screen are ever drawn.

Textual's DataTable takes 0.7 s for ten thousand rows and half a second to filter them; here both
are an assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from dataprep.columns import wide
from tui.words import N_, _

DOUBLE_PRESS = 0.6
"""Seconds within which a second ``g`` makes the two a jump to the top."""
Cell = str | Text
"""Plain text, or text with styles; never markup, for there are file names in it."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; ``width`` 0 takes what the others leave."""

    title: str = ""
    width: int = 0
    align: Literal["left", "right"] = "left"


class Lines(ScrollView, can_focus=True):
    """Lines with a cursor, and marks where ``marking``. Each line is known by its key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", N_("Down"), show=False, id="lines.down"),
        Binding("up,k", "move(-1)", N_("Up"), show=False, id="lines.up"),
        Binding("pagedown,ctrl+d", "page(1)", N_("Page down"), show=False, id="lines.page_down"),
        Binding("pageup,ctrl+u", "page(-1)", N_("Page up"), show=False, id="lines.page_up"),
        Binding("home", "top", N_("First"), show=False, id="lines.first"),
        Binding("g", "top_of_two", N_("First (twice)"), show=False, id="lines.top"),
        Binding("G,end", "bottom", N_("Last"), show=False, id="lines.bottom"),
        Binding("enter", "choose", N_("Choose"), show=False, id="lines.choose"),
        Binding("space", "mark", N_("Mark"), show=False, id="lines.mark"),
        Binding("shift+down,J", "mark_on(1)", N_("Mark down"), show=False, id="lines.mark_down"),
        Binding("shift+up,K", "mark_on(-1)", N_("Mark up"), show=False, id="lines.mark_up"),
        Binding("asterisk", "mark_all", N_("Mark all or none"), show=False, id="lines.mark_all"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--header",
        "lines--cursor",
        "lines--marked",
        "lines--odd",
    }
    DEFAULT_CSS = """
    Lines {
        height: 1fr;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .lines--header { color: $text-muted; text-style: bold; }
        & > .lines--cursor { background: $primary 25%; }
        & > .lines--marked { background: $secondary 25%; }
        & > .lines--odd { background: $foreground 3%; }
        &:focus > .lines--cursor { background: $primary 60%; color: $text; text-style: bold; }
    }
    """

    MARK_CELLS: ClassVar[int] = 1
    """A click on the first columns marks; so many they are."""

    class Moved(Message):
        """The cursor is on another line, or its line has changed; "" when there is none."""

        def __init__(self, lines: Lines, key: str) -> None:
            super().__init__()
            self.lines = lines
            self.key = key

        @property
        def control(self) -> Lines:
            """The list."""
            return self.lines

    class Chosen(Moved):
        """Enter was pressed on a line, or it was clicked while the cursor was on it."""

    class Marked(Message):
        """Other lines are marked now."""

        def __init__(self, lines: Lines) -> None:
            super().__init__()
            self.lines = lines

        @property
        def control(self) -> Lines:
            """The list."""
            return self.lines

    def __init__(self, columns: Sequence[Column], id: str, *, marking: bool = False) -> None:
        super().__init__(id=id)
        self._columns = list(columns)
        self._keys: Sequence[str] = ()
        self._places: dict[str, int] = {}
        self._cells: Callable[[str], Sequence[Cell]] = lambda key: (key,)
        self._marking = marking
        self._g_pressed = False
        self.marks: set[str] = set()
        """The keys of the marked lines."""
        self.place = 0
        """Where the cursor is, from 0."""

    @property
    def header(self) -> int:
        """Lines that the titles take."""
        return int(any(column.title for column in self._columns))

    @property
    def keys(self) -> Sequence[str]:
        """The lines' keys in their order."""
        return self._keys

    @property
    def current(self) -> str:
        """The key of the line with the cursor; "" when there is none."""
        return self._keys[self.place] if self.place < len(self._keys) else ""

    @property
    def meant(self) -> list[str]:
        """The marked keys in their order; without marks that with the cursor."""
        marked = [key for key in self._keys if key in self.marks]
        return marked or ([self.current] if self.current else [])

    def show(self, keys: Sequence[str], cells: Callable[[str], Sequence[Cell]]) -> None:
        """List these; ``cells`` makes the cells of one when it is drawn.

        The cursor stays on its key if that is among them, else at its place.
        """
        before = self.current
        self._keys, self._cells = keys, cells
        self._places = {key: place for place, key in enumerate(keys)}
        self.marks &= self._places.keys()
        self.place = self._places.get(before, min(self.place, max(0, len(keys) - 1)))
        self._measure()
        self._see()
        self.refresh()
        # the cursor need not have moved for its line to be another one
        self.post_message(self.Moved(self, self.current))

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Other columns, as when the widget became narrow."""
        self._columns = list(columns)
        self.refresh()

    def move_to(self, key: str) -> None:
        """Put the cursor on a line, if it is there."""
        if key in self._places:
            self._go(self._places[key])

    def on_resize(self, event: Resize) -> None:
        """Draw in the new width."""
        self._measure()
        self.call_after_refresh(self._see)

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self.scrollable_content_region.width
        if y < self.header:
            style = self.get_component_rich_style("lines--header")
            titles = [Text(_(column.title)) for column in self._columns]
            return self._strip(titles, width, style, " ")
        place = self.scroll_offset.y + y - self.header
        if place >= len(self._keys):
            return Strip.blank(width, self.rich_style)
        key = self._keys[place]
        style = self.rich_style
        if place % 2:
            style += self.get_component_rich_style("lines--odd")
        if key in self.marks:
            style += self.get_component_rich_style("lines--marked")
        if place == self.place:
            style += self.get_component_rich_style("lines--cursor")
        return self._strip(self._cells(key), width, style, "▌" if key in self.marks else " ")

    def _strip(self, cells: Sequence[Cell], width: int, style: Style, mark: str) -> Strip:
        line = Text(mark if self._marking else "")
        for cell, column, room in zip(cells, self._columns, self._widths(width), strict=False):
            text = cell.copy() if isinstance(cell, Text) else Text(cell)
            # a control character in a caption would move the terminal's cursor
            if not text.plain.isprintable():
                text = Text(" ".join(text.plain.split()), text.style)
            text.truncate(room, overflow="ellipsis")
            blank = " " * max(0, room - text.cell_len)
            line.append(blank) if column.align == "right" else None
            line.append_text(text)
            line.append(blank if column.align == "left" else "")
            line.append(" ")
        segments = [Segment(s.text, s.style) for s in line.render(self.app.console) if s.text]
        strip = Strip(segments).apply_style(Style()).adjust_cell_length(width)
        return Strip([Segment(s.text, style + (s.style or Style())) for s in strip])

    def _widths(self, width: int) -> list[int]:
        fixed = sum(column.width + 1 for column in self._columns if column.width)
        free = [column for column in self._columns if not column.width]
        left = max(0, width - int(self._marking) - fixed - len(free))
        share = left // len(free) if free else 0
        return [column.width or share for column in self._columns]

    def _measure(self) -> None:
        width = max(1, self.scrollable_content_region.width)
        self.virtual_size = Size(width, len(self._keys) + self.header)

    def _see(self) -> None:
        """Scroll so that the cursor's line can be seen."""
        height = max(1, self.scrollable_content_region.height - self.header)
        top = self.scroll_offset.y
        if self.place < top:
            self.scroll_to(y=self.place, animate=False, immediate=True)
        elif self.place >= top + height:
            self.scroll_to(y=self.place - height + 1, animate=False, immediate=True)

    def _go(self, place: int) -> None:
        place = max(0, min(place, len(self._keys) - 1))
        if place != self.place and self._keys:
            self.place = place
            self._see()
            self.refresh()
            self.post_message(self.Moved(self, self.current))

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        self._go(self.place + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self._go(self.place + by * max(1, self.size.height - self.header - 1))

    def action_top(self) -> None:
        """Go to the first line."""
        self._go(0)

    def action_bottom(self) -> None:
        """Go to the last line."""
        self._go(len(self._keys) - 1)

    def action_top_of_two(self) -> None:
        """Go to the top at the second press of two in quick succession."""
        if self._g_pressed:
            self._go(0)
        self._g_pressed = not self._g_pressed
        self.set_timer(DOUBLE_PRESS, self._forget_g)

    def _forget_g(self) -> None:
        self._g_pressed = False

    def action_choose(self) -> None:
        """Say that the line with the cursor was chosen."""
        if self.current:
            self.post_message(self.Chosen(self, self.current))

    def action_mark(self) -> None:
        """Mark the line, or take its mark away, and go on to the next."""
        if self.current:
            self.marks ^= {self.current}
            self._marks_changed()
            self._go(self.place + 1)

    def action_mark_on(self, by: int) -> None:
        """Mark the line and the one the cursor moves to."""
        if self.current:
            self.marks.add(self.current)
            self._go(self.place + by)
            self.marks.add(self.current)
            self._marks_changed()

    def action_mark_all(self) -> None:
        """Mark every line; where all are, none."""
        self.set_marks(set() if len(self.marks) == len(self._keys) else set(self._keys))

    def set_marks(self, keys: set[str]) -> None:
        """Mark exactly these lines."""
        self.marks = keys & self._places.keys()
        self._marks_changed()

    def _marks_changed(self) -> None:
        self.refresh()
        self.post_message(self.Marked(self))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Lines are marked only where that means something."""
        return self._marking or not action.startswith("mark")

    def on_click(self, event: Click) -> None:
        """Move the cursor to the line; on the line with the cursor: choose it."""
        place = self.scroll_offset.y + event.y - self.header
        if event.y < self.header or place >= len(self._keys):
            return
        if self._marking and (event.x < self.MARK_CELLS or event.ctrl):
            self._go(place)
            self.action_mark()
        elif place == self.place:
            self.action_choose()
        else:
            self._go(place)


def fitted(texts: Sequence[str], least: int, most: int) -> int:
    """The width of a column that holds these texts, within limits."""
    return max(least, min(most, max((wide(text) for text in texts), default=0)))
