"""A caption as one reads it: its tags side by side with what is known of each, or its prose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from textual.content import Content
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from dataprep.columns import wide


@dataclass(frozen=True, slots=True)
class Chip:
    """One tag."""

    text: str
    note: str = ""
    """Stands behind it, such as its score."""
    style: str = ""


class Place(NamedTuple):
    """Where a chip, or a part of a long one, is drawn."""

    line: int
    column: int
    text: str
    chip: Chip
    is_note: bool = False


class Chips(Widget):
    """Tags in their order, or text. A click on a tag says which one it was."""

    DEFAULT_CSS = """
    Chips { height: auto; width: 100%; }
    """

    class Chosen(Message):
        """A tag was clicked."""

        def __init__(self, tag: str) -> None:
            super().__init__()
            self.tag = tag

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._chips: Sequence[Chip] = ()
        self._placed: tuple[int, list[Place]] = (0, [])

    def show(self, chips: Sequence[Chip]) -> None:
        """Show these."""
        if chips != self._chips:
            self._chips, self._placed = chips, (0, [])
            self.refresh(layout=True)

    def render(self) -> Content:
        """All of them, wrapped between two tags where there is room for that."""
        places = self._places(self.content_size.width)
        parts: list[Content | tuple[str, str] | str] = []
        line, column = 0, 0
        for place in places:
            parts.append("\n" * (place.line - line))
            column = column if place.line == line else 0
            parts.append(" " * (place.column - column))
            parts.append((place.text, "$text-muted" if place.is_note else place.chip.style))
            line, column = place.line, place.column + wide(place.text)
        return Content.assemble(*parts)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Lines that all of them take."""
        places = self._places(width)
        return places[-1].line + 1 if places else 0

    def _places(self, width: int) -> list[Place]:
        if self._placed[0] != width:
            self._placed = (width, placed(self._chips, width))
        return self._placed[1]

    def on_click(self, event: Click) -> None:
        """Say which tag it was."""
        for place in self._places(self.content_size.width):
            inside = place.column <= event.x < place.column + wide(place.text)
            if place.line == event.y and inside:
                self.post_message(self.Chosen(place.chip.text))
                return


def placed(chips: Sequence[Chip], width: int) -> list[Place]:
    """Where each chip is drawn in lines of ``width`` columns, two blanks between neighbours."""
    places: list[Place] = []
    line, column = 0, 0
    for chip in chips:
        note = f" {chip.note}" if chip.note else ""
        whole = wide(chip.text) + wide(note)
        if column and column + 2 + whole > width:
            line, column = line + 1, 0
        column += 2 if column else 0
        for place, text in enumerate(_broken(chip.text, max(1, width - column), max(1, width))):
            line, column = (line + 1, 0) if place else (line, column)
            places.append(Place(line, column, text, chip))
            column += wide(text)
        if note and column + wide(note) <= width:
            places.append(Place(line, column, note, chip, is_note=True))
            column += wide(note)
    return places


def _broken(text: str, first: int, width: int) -> list[str]:
    """A text in lines, broken at blanks, or anywhere in a word that is longer than a line."""
    lines, room = [""], first
    for word in text.split(" "):
        gap = " " if lines[-1] else ""
        if wide(lines[-1]) + len(gap) + wide(word) <= room:
            lines[-1] += gap + word
            continue
        if lines[-1]:
            lines, room = [*lines, ""], width
        for letter in word:
            if lines[-1] and wide(lines[-1]) + wide(letter) > room:
                lines, room = [*lines, ""], width
            lines[-1] += letter
    return lines
