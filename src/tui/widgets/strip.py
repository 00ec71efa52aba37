"""Pictures side by side, small: a list of any length, of which only what is seen is decoded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, NamedTuple

from PIL import Image
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on, work
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.worker import get_current_worker

from tui.widgets.halfcells import half_cells
from tui.widgets.lines import Column, Lines
from tui.words import N_

KEPT = 500
"""So many drawn pictures are remembered."""
HIGH = 24
"""Lines from which on there is room for larger ones."""


class Tile(NamedTuple):
    """Cells of one picture, without the gap at its left and the words below."""

    width: int
    height: int


SMALL, LARGE = Tile(14, 6), Tile(20, 9)
"""How large they are about: as many as fit share the width."""


class Thumbs(Lines):
    """The pictures of a list as small ones; ``load`` makes one, in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "step(-1)", N_("To the left"), show=False, id="thumbs.left"),
        Binding("right,l", "step(1)", N_("To the right"), show=False, id="thumbs.right"),
    ]

    class Loaded(Message):
        """A small picture was made; None: it cannot be."""

        def __init__(self, key: str, image: Image.Image | None) -> None:
            super().__init__()
            self.key = key
            self.image = image

    class Idle(Message):
        """All that was wanted has been made."""

    def __init__(self, load: Callable[[str], Image.Image | None], id: str) -> None:
        super().__init__([Column()], id, marking=True)
        self._load = load
        self._drawn: OrderedDict[str, list[Strip]] = OrderedDict()
        self._tile = SMALL
        self._queue: list[str] = []
        self._loading = False
        self._asked = False

    @property
    def across(self) -> int:
        """How many stand side by side."""
        return max(1, self.scrollable_content_region.width // (self._tile.width + 1))

    @property
    def columns(self) -> int:
        """How many columns the words below a picture have."""
        return self._tile.width

    def _fitting(self) -> Tile:
        """The size that leaves no gap at the right."""
        width, high = self.scrollable_content_region.width, self.size.height >= HIGH
        about = LARGE if high else SMALL
        across = max(1, round(width / (about.width + 1)))
        return Tile(max(1, width // across - 1), about.height)

    def forget(self, keys: Iterable[str]) -> None:
        """These pictures have changed."""
        for key in keys:
            self._drawn.pop(key, None)
        self.refresh()

    def step(self, by: int) -> None:
        """Move the cursor by so many pictures."""
        self._go(self.place + by)

    def action_step(self, by: int) -> None:
        """Move the cursor to a neighbour."""
        self.step(by)

    def action_move(self, by: int) -> None:
        """Move the cursor up or down."""
        if 0 <= self.place + by * self.across < len(self.keys):
            self._go(self.place + by * self.across)
        elif by > 0 and self.place // self.across < (len(self.keys) - 1) // self.across:
            self._go(len(self.keys) - 1)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        rows = max(1, self.size.height // (self._tile.height + 1))
        self._go(self.place + by * rows * self.across)

    def render_line(self, y: int) -> Strip:
        """One line through a row of pictures."""
        width, across = self.scrollable_content_region.width, self.across
        row, line = divmod(self.scroll_offset.y + y, self._tile.height + 1)
        keys = self.keys[row * across : (row + 1) * across]
        segments: list[Segment] = []
        for place, key in enumerate(keys, start=row * across):
            segments += self._part(place, key, line)
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _part(self, place: int, key: str, line: int) -> list[Segment]:
        """A line of one picture, or the words below it, behind its gap."""
        style = self.rich_style
        if key in self.marks:
            style += self.get_component_rich_style("lines--marked")
        if place == self.place:
            style += self.get_component_rich_style("lines--cursor")
        gap = Segment("▌" if key in self.marks else " ", style)
        if line == self._tile.height:
            return [gap, *self._words(key, style)]
        drawn = self._drawn.get(key)
        if drawn is None:
            self._want()
            return [gap, Segment(" " * self._tile.width, self.rich_style)]
        return [gap, *drawn[line]]

    def _words(self, key: str, style: Style) -> list[Segment]:
        text = Text(" ").join(
            cell if isinstance(cell, Text) else Text(cell) for cell in self._cells(key)
        )
        text.truncate(self._tile.width, overflow="ellipsis", pad=True)
        found = (Segment(s.text, s.style) for s in text.render(self.app.console) if s.text)
        plain = Style()
        return [
            Segment(s.text, style + (s.style if isinstance(s.style, Style) else plain))
            for s in found
        ]

    def _measure(self) -> None:
        tile = self._fitting()
        if tile != self._tile:
            self._tile = tile
            self._drawn.clear()
        rows = -(-len(self.keys) // self.across)
        width = max(1, self.scrollable_content_region.width)
        self.virtual_size = Size(width, rows * (self._tile.height + 1))

    def _see(self) -> None:
        height, step = max(1, self.scrollable_content_region.height), self._tile.height + 1
        top = self.place // self.across * step
        if top < self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, immediate=True)
        elif top + step > self.scroll_offset.y + height:
            self.scroll_to(y=top + step - height, animate=False, immediate=True)

    def on_click(self, event: Click) -> None:
        """Move the cursor to the picture; on that with the cursor: choose it."""
        # the list's own way would follow
        event.prevent_default()
        column, x = divmod(event.x, self._tile.width + 1)
        row = (self.scroll_offset.y + event.y) // (self._tile.height + 1)
        place = row * self.across + column
        if column >= self.across or place >= len(self.keys):
            return
        if x == 0 or event.ctrl:
            self._go(place)
            self.action_mark()
        elif place == self.place:
            self.action_choose()
        else:
            self._go(place)

    # small pictures are made in a thread, those first that are seen

    def _want(self) -> None:
        if not self._asked:
            self._asked = True
            self.call_after_refresh(self._ask)

    def _ask(self) -> None:
        self._asked = False
        self._queue = [key for key in self._seen() if key not in self._drawn]
        if self._queue and not self._loading:
            self._loading = True
            self._work()

    def _seen(self) -> Sequence[str]:
        step = self._tile.height + 1
        first = self.scroll_offset.y // step
        last = -(-(self.scroll_offset.y + self.size.height) // step)
        return self.keys[first * self.across : last * self.across]

    @work(thread=True, exit_on_error=False)
    def _work(self) -> None:
        worker = get_current_worker()
        # the list is another one as soon as others are seen
        while not worker.is_cancelled and (queue := self._queue):
            key = queue.pop(0)
            self.post_message(self.Loaded(key, self._load(key)))
        self.post_message(self.Idle())

    @on(Idle)
    def _idle(self, event: Idle) -> None:
        event.stop()
        self._loading = False
        if self._queue:
            self._ask()

    @on(Loaded)
    def _loaded(self, event: Loaded) -> None:
        event.stop()
        self._drawn[event.key] = self._tiled(event.image)
        while len(self._drawn) > KEPT:
            self._drawn.popitem(last=False)
        self.refresh()

    def _tiled(self, image: Image.Image | None) -> list[Strip]:
        """A picture in the middle of its tile; a sign where there is none."""
        width, height = self._tile
        style = self.rich_style
        if image is None:
            lines = [Strip([Segment("!".center(width), style)], width)]
            across, down = width, 1
        else:
            scale = min(width / image.width, 2 * height / image.height)
            across = max(1, min(width, round(image.width * scale)))
            down = max(1, min(height, round(image.height * scale / 2)))
            lines = half_cells(image, across, down)
        left, top = (width - across) // 2, (height - down) // 2
        before = Segment(" " * left, style)
        behind = Segment(" " * (width - across - left), style)
        blank = Strip.blank(width, style)
        middle = [Strip([before, *line, behind], width) for line in lines]
        return [*[blank] * top, *middle, *[blank] * (height - top - down)]
