"""The footer: the keys of this place, in the language of the interface."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import Click
from textual.widgets import Static

from tui.words import _


class Keys(Static):
    """The shown keys of whatever has the focus; a click on one presses it."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self._places: list[tuple[int, int, ActiveBinding]] = []

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self._show())
        self.call_after_refresh(self._show)

    def compose(self) -> ComposeResult:
        """Nothing: it draws itself."""
        return iter(())

    def _show(self) -> None:
        if not self.is_attached or not self.screen.is_current:
            return
        parts: list[Content | tuple[str, str]] = []
        self._places, column = [], 1
        for active in shown(self.screen.active_bindings.values()):
            binding = active.binding
            key, text = self.app.get_key_display(binding), _(binding.description)
            drawn = Content.assemble((f" {key} ", "$footer-key-foreground bold"), (text, ""), " ")
            self._places.append((column, column + drawn.cell_length, active))
            column += drawn.cell_length
            parts.append(drawn)
        self.update(Content.assemble(*parts))

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
