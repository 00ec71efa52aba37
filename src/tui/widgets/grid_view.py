"""The XY grid: a column for each epoch, a row for each prompt and seed, a cursor on one cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from PIL import Image
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.events import Click, Resize
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.worker import get_current_worker

from tui.widgets.halfcells import half_cells
from tui.words import N_

LEAST = 8
"""A cell is at least so many columns wide: seven epochs fit beside the rail at 80 columns."""
MOST = 28
SIDE = 64
"""Pixels of the small pictures that are kept for drawing."""
HEAD = 2
"""Lines above the cells: names and scores."""

Place = tuple[int, int]
"""Column and row."""


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above a column."""

    name: str
    score: str
    best: bool = False


class GridView(ScrollView, can_focus=True):
    """Small pictures in columns and rows. Says which cell the cursor is on, and which is opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", N_("Epoch before"), show=False, id="grid.left"),
        Binding("right,l", "move(1, 0)", N_("Epoch after"), show=False, id="grid.right"),
        Binding("up,k", "move(0, -1)", N_("Row above"), show=False, id="grid.up"),
        Binding("down,j", "move(0, 1)", N_("Row below"), show=False, id="grid.down"),
        Binding("home", "move(-999, 0)", N_("First epoch"), show=False, id="grid.first"),
        Binding("end", "move(999, 0)", N_("Last epoch"), show=False, id="grid.last"),
        Binding("enter", "open", N_("Open large"), id="grid.open"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"grid--head", "grid--best", "grid--cursor"}
    DEFAULT_CSS = """
    GridView {
        height: 1fr;
        scrollbar-size: 1 1;
        & > .grid--head { color: $text; text-style: bold; }
        & > .grid--best { color: $text-success; text-style: bold; }
        & > .grid--cursor { background: $primary 60%; color: $text; text-style: bold; }
    }
    """

    class Moved(Message):
        """The cursor is on another cell."""

        def __init__(self, place: Place) -> None:
            super().__init__()
            self.place = place

    class Opened(Moved):
        """A cell is to be seen large."""

    class _Decoded(Message):
        def __init__(self, place: Place, image: Image.Image | None) -> None:
            super().__init__()
            self.place = place
            self.image = image

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._heads: Sequence[Head] = ()
        self._rows = 0
        self._paths: Mapping[Place, Path] = {}
        self._images: dict[Place, Image.Image | None] = {}
        self._drawn: dict[tuple[Place, int, int], list[Strip]] = {}
        self.place: Place = (0, 0)
        """Where the cursor is."""

    def show(self, heads: Sequence[Head], rows: int, paths: Mapping[Place, Path]) -> None:
        """Show these; the pictures come when they are decoded."""
        self._heads, self._rows, self._paths = heads, rows, paths
        self._images, self._drawn = {}, {}
        self.place = (min(self.place[0], max(0, len(heads) - 1)), min(self.place[1], rows - 1))
        self._measure()
        self._decode(dict(paths))
        self.refresh()

    def point_at(self, column: int) -> None:
        """Put the cursor on a column."""
        self._go((column, self.place[1]))
        # where the columns are is known only after the next drawing
        self.call_after_refresh(self._see)

    @work(thread=True, exclusive=True, group="grid", exit_on_error=False)
    def _decode(self, paths: Mapping[Place, Path]) -> None:
        worker = get_current_worker()
        for place, path in paths.items():
            if worker.is_cancelled:
                return
            small: Image.Image | None = None
            try:
                with Image.open(path) as image:
                    small = image.convert("RGB")
                small.thumbnail((SIDE, SIDE))
            except OSError:
                small = None
            self.post_message(self._Decoded(place, small))

    @on(_Decoded)
    def _decoded(self, event: _Decoded) -> None:
        event.stop()
        self._images[event.place] = event.image
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Cells fill the width while there is any to fill."""
        self._measure()

    @property
    def _cell(self) -> tuple[int, int]:
        """Columns and lines of a cell, its gap included."""
        # a column is left for the bar that many rows bring
        room = (self.size.width - 1) // max(1, len(self._heads))
        width = max(LEAST, min(MOST, room))
        return width, max(4, width // 2)

    def _measure(self) -> None:
        width, height = self._cell
        self.virtual_size = Size(width * len(self._heads), HEAD + height * max(0, self._rows))

    def render_line(self, y: int) -> Strip:
        """One line of the screen; the heads stay on top."""
        room = self.scrollable_content_region.width
        left = self.scroll_offset.x
        if y < HEAD:
            segments = [part for i, _ in enumerate(self._heads) for part in self._head(i, y)]
        else:
            row, line = divmod(self.scroll_offset.y + y - HEAD, self._cell[1])
            if row >= self._rows:
                return Strip.blank(room, self.rich_style)
            columns = range(len(self._heads))
            segments = [part for i in columns for part in self._part((i, row), line)]
        whole = Strip(segments)
        return whole.crop_extend(left, left + room, self.rich_style)

    def _head(self, column: int, line: int) -> list[Segment]:
        width, head = self._cell[0], self._heads[column]
        style = self.get_component_rich_style("grid--best" if head.best else "grid--head")
        if column == self.place[0]:
            style += self.get_component_rich_style("grid--cursor")
        star = "★ " if head.best else ""
        text = Text(star + head.name if line == 0 else head.score)
        text.truncate(width - 1, overflow="ellipsis", pad=True)
        return [Segment(text.plain, self.rich_style + style), Segment(" ", self.rich_style)]

    def _part(self, place: Place, line: int) -> list[Segment]:
        width, height = self._cell
        on_it = place == self.place
        edge = self.rich_style + self.get_component_rich_style("grid--cursor") if on_it else None
        if line == height - 1 or place not in self._images:
            letter = "▔" if on_it and line == height - 1 else " "
            return [Segment(letter * (width - 1), self.rich_style), Segment(" ", self.rich_style)]
        image = self._images[place]
        if image is None:
            text = "?".center(width - 1)
            return [Segment(text if line == 0 else " " * width, self.rich_style)]
        key = (place, width, height)
        if key not in self._drawn:
            self._drawn[key] = fitted(image, width - 1, height - 1)
        drawn = [
            Segment(part.text, self.rich_style + (part.style or Style()))
            for part in self._drawn[key][line]
        ]
        return [*drawn, Segment("▏" if on_it else " ", edge or self.rich_style)]

    def _go(self, place: Place) -> None:
        column = max(0, min(place[0], len(self._heads) - 1))
        row = max(0, min(place[1], self._rows - 1))
        if (column, row) != self.place and self._heads:
            self.place = (column, row)
            self._see()
            self.refresh()
            self.post_message(self.Moved(self.place))

    def _see(self) -> None:
        """Scroll so that the cell with the cursor can be seen."""
        width, height = self._cell
        column, row = self.place
        region = Region(column * width, row * height, width, height + HEAD)
        self.scroll_to_region(region, animate=False, immediate=True)

    def action_move(self, across: int, down: int) -> None:
        """Move the cursor."""
        self._go((self.place[0] + across, self.place[1] + down))

    def action_open(self) -> None:
        """Say that the cell is to be seen large."""
        if self._heads:
            self.post_message(self.Opened(self.place))

    def on_click(self, event: Click) -> None:
        """Go to a cell; a click on the one with the cursor opens it."""
        width, height = self._cell
        column = (self.scroll_offset.x + event.x) // width
        row = (self.scroll_offset.y + event.y - HEAD) // height if event.y >= HEAD else None
        place = (column, self.place[1] if row is None else row)
        if column >= len(self._heads) or place[1] >= self._rows:
            return
        if place == self.place and row is not None:
            self.action_open()
        else:
            self._go(place)


def fitted(image: Image.Image, width: int, height: int) -> list[Strip]:
    """A picture within so many columns and lines, in the middle of them."""
    scale = min(width / image.width, 2 * height / image.height)
    across = max(1, min(width, round(image.width * scale)))
    down = max(1, min(height, round(image.height * scale / 2)))
    left, top = (width - across) // 2, (height - down) // 2
    lines = [Strip.blank(width) for _ in range(height)]
    for place, strip in enumerate(half_cells(image, across, down), start=top):
        before, behind = Segment(" " * left), Segment(" " * (width - left - across))
        lines[place] = Strip([before, *strip, behind], width)
    return lines
