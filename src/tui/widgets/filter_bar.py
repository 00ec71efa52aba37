"""The line in which a filter is typed, with completion, history, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from dataprep.tagquery.completion import Completion
from tui.widgets.completing import Complete, Completing
from tui.words import N_, _

PAUSE = 0.02
"""Seconds without a key after which the list is narrowed."""
KEPT = 30
"""So many filters are remembered."""


class FilterBar(Completing):
    """Narrows a list while one types. Enter keeps the filter, Escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", N_("Drop the filter"), id="filter.drop"),
        Binding("down", "leave", N_("To the list"), show=False, id="filter.keep"),
        Binding("tab", "offer", N_("Words of the filters"), show=False, id="filter.words"),
        Binding("up", "history", N_("Filters before"), show=False, id="filter.history"),
    ]

    class Changed(Message):
        """The list is to show what this filter holds for; "" is everything."""

        def __init__(self, bar: FilterBar, text: str) -> None:
            super().__init__()
            self.bar = bar
            self.text = text

        @property
        def control(self) -> FilterBar:
            """The bar."""
            return self.bar

    class Kept(Changed):
        """A filter was kept by Enter: one to remember. ``Left`` follows."""

    class Left(Message):
        """Typing is over; the list takes the keys again."""

        def __init__(self, bar: FilterBar) -> None:
            super().__init__()
            self.bar = bar

        @property
        def control(self) -> FilterBar:
            """The bar."""
            return self.bar

    def __init__(
        self, complete: Complete, id: str, history: Callable[[], Sequence[str]] = tuple
    ) -> None:
        """``history`` tells the filters of before, the newest first."""
        super().__init__(
            complete, id, placeholder=_("a tag, or size<512 OR untagged; tab tells the words")
        )
        self.display = False
        self._history = history
        self._said = ""
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """The line, its list, and what is wrong with the filter."""
        yield from super().compose()
        complaint = Static(classes="complaint", markup=False)
        complaint.display = False
        yield complaint

    def open(self) -> None:
        """Show the line and type into it."""
        self.display = True
        self.focus()

    def drop(self) -> None:
        """Empty and hide the line; ``Changed`` tells it where there was a filter."""
        self.value = ""
        self.complain("")
        self.display = False
        self._tell()

    def preset(self, text: str) -> None:
        """Put a filter there as if it had been typed; "" drops it."""
        if not text:
            self.drop()
            return
        self.display = True
        self.value = text
        self._tell()

    def complain(self, sentence: str) -> None:
        """Say below the line what is wrong; empty: nothing is."""
        complaint = self.query_one(".complaint", Static)
        complaint.display = bool(sentence)
        complaint.update(Content(" ".join(sentence.split())))

    def action_drop(self) -> None:
        """Show everything again."""
        self.drop()
        self.post_message(self.Left(self))

    def action_leave(self) -> None:
        """Go to the list; the filter stays as long as it says something."""
        self._tell()
        self.display = bool(self.value.strip())
        self.post_message(self.Left(self))

    def action_offer(self) -> None:
        """Offer what may stand at the cursor."""
        self.propose(self._complete(self.value, self.entry.cursor_position))

    def action_history(self) -> None:
        """Offer the filters of before."""
        end = len(self.value)
        self.propose([Completion(text, 0, end, text) for text in self._history()])
        self._choices.pick(1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Filters of before are offered where none is typed."""
        return action != "history" or (not self.value and bool(self._history()))

    def _tell(self) -> None:
        """Tell the filter now, once."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self.value != self._said:
            self._said = self.value
            self.post_message(self.Changed(self, self.value))

    @on(Input.Changed)
    def _later(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PAUSE, self._tell)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._tell()
        if self.value.strip():
            self.post_message(self.Kept(self, self.value.strip()))
        self.action_leave()


def noted(history: Sequence[str], text: str) -> list[str]:
    """A history with a filter at its top, once."""
    return [text, *(known for known in history if known != text)][:KEPT]
