"""What a person has chosen in the Tag room, over what the recipe says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui.desk import PARTIAL

ONCE = {"overwrite", "touch_edited"}
"""Settings of one run: in a recipe they would write over captions every time."""
ORDERS = ("model", "score", "category")


@dataclass(slots=True)
class Choices:
    """Values as in ``dataprep.toml``."""

    recipe: Mapping[str, Any] = field(default_factory=dict)
    """The table [tag]."""
    again: Mapping[str, Any] = field(default_factory=dict)
    """The table [retag]; a recipe that has it chooses anew after [tag]."""
    changed: dict[str, Any] = field(default_factory=dict)
    """What was chosen here and is not in the recipe yet; None: what holds without a word."""
    whole: bool | None = None
    """Whether captions that are there are written too; None: not said."""

    def begin(self, recipe: Mapping[str, Any], again: Mapping[str, Any]) -> None:
        """The recipe was read; what it says by now was not chosen only here."""
        self.recipe, self.again = recipe, again
        for name, value in list(self.changed.items()):
            self.put(name, value)

    def settled(self) -> None:
        """The captions were written: what held for one run is over."""
        self.whole = None
        for name in ONCE:
            self.changed.pop(name, None)

    def take(self, values: Mapping[str, Any]) -> None:
        """What was filled into a form."""
        for name, value in values.items():
            if name == "overwrite":
                self.whole = bool(value)
            else:
                self.put(name, list(value) if isinstance(value, tuple) else value)

    @property
    def said(self) -> dict[str, Any]:
        """The recipe and what was chosen here."""
        values = {**self.recipe, **self.changed}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def models(self) -> list[str]:
        """Names of the taggers; empty: none is chosen."""
        named = self.said.get("model", ())
        listed = named.split(",") if isinstance(named, str) else list(named)
        return [name.strip() for name in listed if name.strip()]

    def choose_models(self, names: list[str]) -> None:
        """Other taggers."""
        self.put("model", names[0] if len(names) == 1 else names)

    def get(self, name: str, default: Any) -> Any:
        """A setting's value."""
        return self.said.get(name, default)

    def put(self, name: str, value: Any) -> None:
        """Choose a value; what the recipe says anyway is not noted."""
        if value == self.recipe.get(name):
            self.changed.pop(name, None)
        else:
            self.changed[name] = value

    def switch(self, name: str) -> None:
        """Turn a yes to a no, and back."""
        self.put(name, not self.get(name, False) or None)

    def switch_category(self, category: str) -> None:
        """Write a category, or not."""
        off = list(self.get("off", ()))
        off = [name for name in off if name != category] if category in off else [*off, category]
        self.put("off", off or None)

    def next_order(self) -> None:
        """Another order of the tags."""
        order = self.get("order", ORDERS[0])
        following = ORDERS[(ORDERS.index(order) + 1) % len(ORDERS)] if order in ORDERS else "model"
        self.put("order", None if following == ORDERS[0] else following)

    def writes_all(self, bare: int) -> bool:
        """Whether captions that are there are written: as said, or else where that is the point.

        ``bare``: pictures without a caption. Who has moved nothing while some lack one wants them
        captioned, and not the others gone over.
        """
        if self.whole is not None:
            return self.whole
        return not bare or any(name not in ONCE | {"model"} for name in self.changed)

    def values(self, defaults: Mapping[str, Any], *, again: bool, whole: bool) -> dict[str, Any]:
        """What a stage with these ``defaults`` is given; ``again``: it is ``retag``.

        What its own table says otherwise than the room is given too.
        """
        said = self.said
        table = {**self.recipe, **(self.again if again else {})}
        values = {
            name: said.get(name, default)
            for name, default in defaults.items()
            if name in said or name in table
        }
        if not again:  # a slip in the recipe is to be heard of
            values |= {name: value for name, value in said.items() if name not in defaults}
        adds = said.get("append", False) or said.get("prepend", False)
        return values | ({"overwrite": True} if whole and not adds and not again else {})

    def kept(self) -> dict[str, Any]:
        """What goes into the recipe, so that it means the same as what was seen."""
        out = ONCE | PARTIAL
        return {name: value for name, value in self.changed.items() if name not in out} | {
            "model": self.said.get("model")
        }
