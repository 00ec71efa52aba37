"""The stages at the left, each with how far it has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dataprep.stages import Stage
from tui.state import Count

WIDE = 18
"""From this width on there is room for counts."""


class Rail(OptionList):
    """The stages in the order of the work. Says which one is looked at and which was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", "Down", show=False, id="rail.down"),
        Binding("k", "cursor_up", "Up", show=False, id="rail.up"),
    ]

    class Chosen(Message):
        """Open this stage."""

        def __init__(self, verb: str) -> None:
            super().__init__()
            self.verb = verb

    class LookedAt(Message):
        """The cursor is on this stage."""

        def __init__(self, stage: Stage) -> None:
            super().__init__()
            self.stage = stage

    def __init__(self, stages: Sequence[Stage], id: str) -> None:
        super().__init__(*(Option(stage.verb, stage.verb) for stage in stages), id=id)
        self._stages = {stage.verb: stage for stage in stages}
        self._counts: Mapping[str, Count] = {}
        self._active = ""

    def show(self, counts: Mapping[str, Count], running: str) -> None:
        """Show how far each stage is, and which one runs."""
        if (counts, running) != (self._counts, self._active):
            self._counts, self._active = counts, running
            self._draw()

    def on_resize(self, event: Resize) -> None:
        """Show counts where there is room for them."""
        self._draw()

    def _draw(self) -> None:
        for verb in self._stages:
            self.replace_option_prompt(verb, self._prompt(verb))

    def _prompt(self, verb: str) -> Content:
        done, total = self._counts.get(verb, (0, 0))
        sign = "○" if not done else "●" if done == total else "◐"
        if verb not in self._counts:
            sign = " "
        if verb == self._active:
            sign = "▶"
        width = self.content_size.width - 2
        count = f"{done}/{total}" if verb in self._counts and width >= WIDE else ""
        name = f"{sign} {verb}"
        return Content.assemble(name, (count.rjust(max(1, width - len(name))), "$text-muted"))

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(event.option.id or ""))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self.has_focus:
            self.post_message(self.LookedAt(self._stages[event.option.id or ""]))
