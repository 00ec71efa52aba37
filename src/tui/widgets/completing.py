"""A line of text with a list below it of what may be meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Blur, Click
from textual.message import Message
from textual.widgets import Input

from dataprep.columns import wide
from dataprep.tagquery.completion import Completion
from tui.widgets.lines import Column, Lines, fitted
from tui.words import N_, _

Complete = Callable[[str, int], Sequence[Completion]]
"""What may be meant in a text with the cursor at a place; asked at every key, so in no time."""
MOST = 8
"""Lines of the list."""
NARROWEST, WIDEST = 12, 46
"""Columns of what is offered; its note stands beside it."""


class Choices(Lines, can_focus=False):
    """The list; the line of text keeps the keys."""

    DEFAULT_CSS = """
    Choices {
        display: none;
        overlay: screen;
        constrain: inside inflect;
        height: auto;
        max-height: 8;
        background: $panel;
        scrollbar-size-vertical: 1;
        &.-picked > .lines--cursor { background: $primary 60%; color: $text; text-style: bold; }
    }
    """

    def __init__(self, id: str) -> None:
        super().__init__([Column(), Column(align="right")], id)
        self.offered: Sequence[Completion] = ()

    @property
    def picked(self) -> bool:
        """Whether the person went to a line, which Enter then means."""
        return self.has_class("-picked")

    def offer(self, offered: Sequence[Completion], column: int) -> None:
        """List these from a column of the screen on; nothing: hide."""
        self.offered = offered
        self.display = bool(offered)
        self.set_class(False, "-picked")
        self.place = 0
        if not offered:
            self.show((), self._line)
            return
        shown = fitted([f" {one.shown}" for one in offered], NARROWEST, WIDEST)
        notes = fitted([_(one.note) for one in offered], 0, WIDEST)
        self.set_columns([Column(width=shown), Column(width=notes, align="right")])
        self.styles.width = shown + notes + 3
        self.styles.height = min(MOST, len(offered))
        self.styles.offset = (column, 0)
        self.show([str(place) for place in range(len(offered))], self._line)

    def pick(self, by: int) -> None:
        """Go to the first line, then up and down; from the first up: back to the text."""
        if not self.picked:
            self.set_class(True, "-picked")
            self._go(len(self.keys) - 1 if by < 0 else 0)
        elif self.place + by < 0:
            self.set_class(False, "-picked")
        else:
            self.action_move(by)

    @property
    def meant_one(self) -> Completion | None:
        """The line one went to, or the first."""
        return self.offered[self.place] if self.display and self.offered else None

    def _line(self, key: str) -> tuple[Text, Text]:
        one = self.offered[int(key)]
        return Text(" " + one.shown), Text(_(one.note), "dim")

    def on_click(self, event: Click) -> None:
        """Choose the line; a list by itself would only go to it at first."""
        event.stop()
        event.prevent_default()
        place = self.scroll_offset.y + event.y
        if place < len(self.keys):
            self._go(place)
            self.post_message(self.Chosen(self, self.keys[place]))


class Entry(Input):
    """The line. Keys that the list needs are the list's only while it is open."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "take", N_("Complete"), show=False, id="completion.take"),
        Binding("down", "pick(1)", N_("Next proposal"), show=False, id="completion.next"),
        Binding("up", "pick(-1)", N_("Proposal before"), show=False, id="completion.previous"),
        Binding("escape", "close", N_("Close the list"), show=False, id="completion.close"),
    ]

    class Left(Message):
        """The line has lost the keys."""

    def __init__(self, choices: Choices, value: str, placeholder: str) -> None:
        super().__init__(
            value, placeholder=placeholder, compact=True, select_on_focus=False, classes="entry"
        )
        self._choices = choices

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether there is a list for it."""
        return action not in ("take", "pick", "close") or self._choices.display

    def action_take(self) -> None:
        """Take what is meant."""
        if self._choices.meant_one is not None:
            self._choices.action_choose()

    def action_pick(self, by: int) -> None:
        """Go through the list."""
        self._choices.pick(by)

    def action_close(self) -> None:
        """Close the list."""
        self._choices.offer((), 0)

    async def action_submit(self) -> None:
        """Take the line one went to; without one the text is meant as it is."""
        if self._choices.display and self._choices.picked:
            self.action_take()
            return
        self.action_close()
        await super().action_submit()

    def on_blur(self, event: Blur) -> None:
        """Close the list with the line."""
        self.action_close()


class Completing(Vertical):
    """The line and its list; ``Input.Changed`` and ``Input.Submitted`` are its messages."""

    DEFAULT_CSS = """
    Completing {
        height: auto;
        & > .entry { background: $boost; }
        & > .entry:focus { background: $primary 30%; }
    }
    """

    def __init__(self, complete: Complete, id: str, value: str = "", placeholder: str = "") -> None:
        super().__init__(id=id)
        self._complete = complete
        self._choices = Choices(f"{id}-choices")
        self.entry = Entry(self._choices, value, placeholder)
        self._put = value

    def compose(self) -> ComposeResult:
        """The line, and the list that opens over what is below."""
        yield self.entry
        yield self._choices

    @property
    def value(self) -> str:
        """The text."""
        return self.entry.value

    @value.setter
    def value(self, text: str) -> None:
        """Put another text there; nothing is proposed for it."""
        self._put = text
        self.entry.value = text
        self.entry.cursor_position = len(text)
        self.close()

    def close(self) -> None:
        """Close the list."""
        self._choices.offer((), 0)

    def focus(self, scroll_visible: bool = True) -> Completing:
        """Type into the line."""
        self.entry.focus(scroll_visible)
        return self

    def propose(self, offered: Sequence[Completion]) -> None:
        """Open the list with these; it begins below what they would replace."""
        start = offered[0].start if offered else 0
        column = wide(self.value[:start]) - self.entry.scroll_offset.x
        self._choices.offer(offered, max(0, column - 1))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        # a text that was put there was not typed
        if event.value == self.value and event.value != self._put:
            self._put = event.value
            self.propose(self._complete(event.value, self.entry.cursor_position))

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        one = self._choices.offered[int(event.key)]
        text = one.applied(self.value)
        self.value = text
        self.entry.cursor_position = one.start + len(one.text)
        if one.goes_on:
            self.propose(self._complete(text, self.entry.cursor_position))

    @on(Lines.Moved)
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
