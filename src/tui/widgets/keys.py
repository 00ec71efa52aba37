"""The footer: the keys of this place, in the language of the interface."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from tui.words import _

LAST = "question_mark"
"""This key stands at the right edge, however many others there are."""


class Keys(Static):
    """The shown keys of whatever has the focus; a click on one presses it."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._places: list[tuple[int, int, ActiveBinding]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._show())
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        """Another width has room for more of them, or for fewer."""
        self._show()

    def _show(self) -> None:
        if not self.is_attached or not self.screen.is_current:
            return
        active = shown(self.screen.active_bindings.values())
        last = [one for one in active if one.binding.key == LAST]
        width, column = self.size.width, 0
        end = width - sum(self._drawn(one).cell_length for one in last)
        self._places, parts = [], []
        for one in (one for one in active if one not in last):
            drawn = self._drawn(one)
            if column + drawn.cell_length > end:
                break
            self._places.append((column, column + drawn.cell_length, one))
            column += drawn.cell_length
            parts.append(drawn)
        parts.append(Content(" " * max(0, end - column)))
        for one in last:
            self._places.append((end, width, one))
            parts.append(self._drawn(one))
        self.update(Content.assemble(*parts))

    def _drawn(self, active: ActiveBinding) -> Content:
        key = self.app.get_key_display(active.binding)
        text = _(active.binding.description)
        return Content.assemble((f" {key} ", "$footer-key-foreground bold"), text, " ")

    async def on_click(self, event: Click) -> None:
        """Do what the key does."""
        for start, end, active in self._places:
            if start <= event.x < end:
                await self.app.run_action(active.binding.action, default_namespace=active.node)


def shown(bindings: Iterable[ActiveBinding]) -> list[ActiveBinding]:
    """Those that stand in the footer, the innermost part of the screen first."""
    found = [active for active in bindings if active.binding.show and active.enabled]
    once = {(active.binding.action, active.binding.description): active for active in found}
    return list(once.values())
