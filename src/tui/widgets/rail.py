"""The rooms at the left, each with how far its work has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dataprep.columns import wide
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.standing import Standing

WIDE = 18
"""From this width on there is room for counts."""


class Sign(NamedTuple):
    """How a state is drawn, and what it means."""

    sign: str
    style: str
    meaning: str


SIGNS = {
    "todo": Sign("○", "", N_("still to do")),
    "part": Sign("◐", "$warning", N_("done for some pictures")),
    "done": Sign("●", "$success", N_("done")),
    "stale": Sign("↻", "$warning", N_("was done, and something has changed since")),
    "running": Sign("▶", "$primary", N_("runs now")),
    "next": Sign("▸", "$accent", N_("what comes next")),
}
"""The rail's signs by state."""


class Item(NamedTuple):
    """One room as the rail lists it."""

    name: str
    title: str


class Rail(OptionList):
    """The rooms in the order of the work. Says which one was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", N_("Down"), show=False, id="rail.down"),
        Binding("k", "cursor_up", N_("Up"), show=False, id="rail.up"),
    ]

    class Chosen(Message):
        """Enter this room."""

        def __init__(self, room: str) -> None:
            super().__init__()
            self.room = room

    def __init__(self, items: Sequence[Item], id: str) -> None:
        super().__init__(*(Option(item.title, item.name) for item in items), id=id)
        self._items = items
        self._standings: Mapping[str, Standing] = {}
        self._next = ""
        self._running_room = ""
        self._here = ""

    def show(
        self, standings: Mapping[str, Standing], following: str, running: str, here: str
    ) -> None:
        """Show how far each room is, which is next, whose job runs, and which is on the screen."""
        if (standings, following, running, here) != (
            self._standings,
            self._next,
            self._running_room,
            self._here,
        ):
            self._standings, self._next = standings, following
            self._running_room, self._here = running, here
            self._draw()

    def point_at(self, room: str) -> None:
        """Put the cursor on a room."""
        self.highlighted = next(i for i, item in enumerate(self._items) if item.name == room)

    def on_resize(self, event: Resize) -> None:
        """Show counts where there is room for them."""
        self._draw()

    def _draw(self) -> None:
        for place, item in enumerate(self._items, start=1):
            self.replace_option_prompt(item.name, self._prompt(item, place))

    def _prompt(self, item: Item, place: int) -> Content:
        found = self._standings.get(item.name)
        state = "running" if item.name == self._running_room else found.state if found else "todo"
        sign, style, _meaning = SIGNS[state]
        if item.name == self._next and state == "todo":
            sign, style, _meaning = SIGNS["next"]
        title = _(item.title)
        width = self.content_size.width - 2
        left = 4 + wide(title)
        problems = f"!{found.problems}" if found and found.problems else ""
        counts = f"{found.done}/{found.total}" if found and found.total and width >= WIDE else ""
        if left + len(counts) + 1 + len(problems) > width:
            counts = ""
        said = " ".join(part for part in (counts, problems) if part)
        gap = " " * max(1, width - left - len(said))
        return Content.assemble(
            (f"{place % 10} ", "$text-muted"),
            (f"{sign} ", style),
            (title, "bold $accent" if item.name == self._here else ""),
            gap,
            (f"{counts} " if counts and problems else counts, "$text-muted"),
            (problems, "$text-error"),
        )

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen(event.option.id or ""))
