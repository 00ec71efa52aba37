"""What the Tag room looks like: its widgets, and how they show what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from tui.rooms import tag_words as said
from tui.rooms.room import Room
from tui.rooms.tag_state import CATEGORIES, TagState, shifts_of
from tui.widgets.lines import Lines
from tui.widgets.model_list import ModelList
from tui.widgets.slider import Slider
from tui.widgets.spread import Spread
from tui.words import N_

if TYPE_CHECKING:
    from dataprep.whatif import Shift

SIDES = {"appear": N_("would appear"), "vanish": N_("would vanish")}
"""The lists of tags."""


class TagView(Room):
    """Draws a ``TagState``; what is asked and done is the room's."""

    state: TagState
    _shifts: dict[str, dict[str, Shift]]
    """By the list they stand in, by tag."""

    def compose(self) -> ComposeResult:
        """Models, sliders, what they come to, the tags that come and go, what x does."""
        yield ModelList(id="tag-models")
        with Vertical(id="tag-sliders"):
            for name, title in CATEGORIES.items():
                yield Slider(name, title, id=f"tag-{name}")
        yield Static(id="tag-summary", markup=False)
        with Horizontal(id="tag-shifts"):
            for side, title in SIDES.items():
                yield Lines(said.columns(title), id=f"tag-{side}")
        with VerticalScroll(id="tag-guide", can_focus=False):
            yield Static(id="tag-guide-text", markup=False)
        yield Spread(id="tag-spread")
        yield Static(id="tag-hint", markup=False)

    def on_resize(self, event: Resize) -> None:
        """The words and the bars among them fill another width."""
        self._draw_words()

    def _list(self, side: str) -> Lines:
        return self.query_one(f"#tag-{side}", Lines)

    def _draw(self) -> None:
        """Everything, as it is known now."""
        state, answer = self.state, self.state.answer
        self._draw_sliders()
        quiet = answer is not None and not answer.appear and not answer.vanish
        self.query_one("#tag-shifts").display = state.scored and not quiet
        self.query_one("#tag-guide").display = not state.scored or quiet
        self._draw_words()
        for side in SIDES:
            self._draw_side(side)

    def _draw_sliders(self) -> None:
        state = self.state
        known = {name for one in state.chosen for name in one.categories} or {"general"}
        for name in CATEGORIES:
            slider = self.query_one(f"#tag-{name}", Slider)
            slider.display = name in known
            slider.show(state.threshold(name))

    def _draw_words(self) -> None:
        state = self.state
        text = Content("")
        if state.answer is not None and state.scored:
            text = said.summary(state.answer, compared=state.compared)
        self.query_one("#tag-summary", Static).update(text)
        guide = self.query_one("#tag-guide-text", Static)
        if state.models and not state.scored:
            guide.update(said.guide(state.chosen))
        elif state.answer is not None:
            guide.update(said.settled(state.answer, max(20, self.size.width - 4)))
        by_hand = state.look.by_hand if state.look else 0
        switches = said.options(state.choices, whole=state.whole, by_hand=by_hand)
        does = said.what_x_does(state.verb, state.chosen, state.lacking, whole=state.whole)
        self.query_one("#tag-hint", Static).update(Content("\n").join([switches, does]))

    def _draw_side(self, side: str) -> None:
        shifts, appears = shifts_of(self.state.answer, side), side == "appear"
        if self.state.answer is None and self.state.scored:
            return  # what stood there stays until it is counted
        tags = [shift.tag for shift in shifts]
        by_tag = self._shifts[side] = dict(zip(tags, shifts, strict=True))
        lines = self._list(side)
        lines.can_focus = bool(shifts) or lines.has_focus
        lines.show(tags, lambda tag: said.cells(by_tag[tag], appears=appears))
