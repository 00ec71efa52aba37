"""The parts of a room in one line: which there are, how much is in each, which one is shown."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from dataprep.columns import wide
from tui.words import _

GAP = 3


class Parts(Static):
    """Names with counts; a click on one shows that part."""

    DEFAULT_CSS = """
    Parts { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    class Chosen(Message):
        """Another part is to be shown."""

        def __init__(self, parts: Parts, name: str) -> None:
            super().__init__()
            self.parts = parts
            self.name = name

        @property
        def control(self) -> Parts:
            """The line."""
            return self.parts

    def __init__(self, titles: Mapping[str, str], id: str) -> None:
        """``titles``: name of a part → what it is called, marked for translation."""
        super().__init__(id=id, markup=False)
        self._titles = titles
        self._counts: dict[str, str] = {}
        self._places: list[tuple[int, int, str]] = []
        self.shown = next(iter(titles))
        """The name of the part that is shown."""

    def on_mount(self) -> None:
        """Draw what is known."""
        self._draw()

    def show(self, part: str, counts: Mapping[str, str]) -> None:
        """Show which part is shown, and what is said beside each name."""
        self.shown, self._counts = part, dict(counts)
        self._draw()

    @property
    def following(self) -> str:
        """The part after the one that is shown."""
        names = list(self._titles)
        return names[(names.index(self.shown) + 1) % len(names)]

    def on_click(self, event: Click) -> None:
        """Choose the part that was clicked."""
        for start, end, name in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(self, name))

    def _draw(self) -> None:
        words: list[Content] = []
        self._places, column = [], 0
        for name, title in self._titles.items():
            count = self._counts.get(name, "")
            text = f"{_(title)} {count}".rstrip()
            style = "bold underline $accent" if name == self.shown else "$text-muted"
            words.append(Content.styled(text, style))
            self._places.append((column, column + wide(text), name))
            column += wide(text) + GAP
        self.update(Content(" " * GAP).join(words))
