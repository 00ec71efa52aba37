"""What one chose while pruning, remembered from one opening to the next."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, cast

from dataprep.errors import DataprepError
from tui.desk import Desk
from tui.widgets.tag_table import ORDERS, Order
from tui.words import N_

if TYPE_CHECKING:
    from dataprep.pruneview import TagRow
    from dataprep.pruning.presets import Preset

PRESETS: Mapping[str, str] = {
    "character": N_("character"),
    "style": N_("style"),
    "concept": N_("concept"),
    "object": N_("object"),
}
"""What one may train, by its name in the settings."""
NAMED = ("concept", "object")
"""Presets that need a name."""
MEMORY = "prune"


class Checks:
    """The preset, the order of the tags, and which were checked against the suggestion."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        known = desk.memory.get(MEMORY, {})
        self._preset = str(known.get("preset", ""))
        order = known.get("order", "")
        self.order: Order = order if order in ORDERS else "score"
        self.name = str(known.get("name", ""))
        """What the concept or object is called."""
        self._hand: dict[str, bool] = dict(known.get("hand", {}))

    @property
    def preset(self) -> Preset:
        """What is trained: as chosen here, else as the recipe says."""
        if self._preset in PRESETS:
            return cast("Preset", self._preset)
        try:
            said = [self._desk.recipe(verb).get("preset", "") for verb in ("suggest", "prune")]
        except DataprepError:
            said = []
        return cast("Preset", next((one for one in said if one in PRESETS), "character"))

    @property
    def needs_name(self) -> bool:
        """Whether the preset asks for a name."""
        return self.preset in NAMED

    def next_preset(self) -> None:
        """Take the next preset; checks by hand stay."""
        names = list(PRESETS)
        self._preset = names[(names.index(self.preset) + 1) % len(names)]
        self._remember()

    def next_order(self) -> None:
        """Take the next order."""
        orders = list(ORDERS)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self._remember()

    def call(self, name: str) -> None:
        """Name the concept."""
        self.name = name
        self._remember()

    def checked(self, rows: Iterable[TagRow]) -> set[str]:
        """Which of these go: what is suggested, but for what a hand said."""
        return {row.key for row in rows if self._hand.get(row.key, row.suggested)}

    def note(self, rows: Iterable[TagRow], checked: Collection[str]) -> None:
        """Remember what differs from the suggestion: that was by hand."""
        for row in rows:
            if (row.key in checked) != row.suggested:
                self._hand[row.key] = row.key in checked
            else:
                self._hand.pop(row.key, None)
        self._remember()

    def forget(self) -> None:
        """Go by the suggestions alone."""
        self._hand.clear()
        self._remember()

    def _remember(self) -> None:
        known = {
            "preset": self._preset,
            "name": self.name,
            "order": self.order,
            "hand": dict(self._hand),
        }
        self._desk.memory.put(MEMORY, known)
