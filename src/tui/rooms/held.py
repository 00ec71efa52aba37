"""The settings of a stage that a room's dials hold: the recipe's, and what was turned since."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dataprep.errors import DataprepError
from dataprep.stages import STAGES
from tui.desk import PARTIAL, Desk


class Held:
    """What a stage would run with. ``default`` is for settings whose own default is no choice."""

    def __init__(self, desk: Desk, verb: str, default: Mapping[str, Any] | None = None) -> None:
        self._desk = desk
        self._verb = verb
        self._model, _run = STAGES[verb].load()
        self._default = dict(default or {})
        self._recipe: dict[str, Any] = {}
        self._turned: dict[str, Any] = {}
        self.problem = ""
        """Why the recipe cannot be read; empty when it can."""

    def read(self) -> None:
        """Read the recipe anew. What was written there since wins over what was turned before."""
        before = self._recipe
        try:
            self._recipe, self.problem = self._desk.recipe(self._verb), ""
        except DataprepError as error:
            self._recipe, self.problem = {}, str(error)
        for name in before.keys() | self._recipe.keys():
            if before.get(name) != self._recipe.get(name):
                self._turned.pop(name, None)

    def __getitem__(self, name: str) -> Any:
        """A setting as the stage would have it."""
        if name in self._turned:
            return self._turned[name]
        if name in self._recipe:
            return self._recipe[name]
        return self._default.get(name, self._own_default(name))

    def turn(self, **values: Any) -> None:
        """Set some settings, for the next run."""
        self._turned |= values

    @property
    def touched(self) -> bool:
        """Whether anything stands otherwise than in the recipe."""
        return bool(self._turned_away())

    def values(self) -> dict[str, Any]:
        """What the stage is to be told beside its recipe."""
        said = {name: value for name, value in self._default.items() if name not in self._recipe}
        return {**said, **self._turned_away()}

    def everything(self) -> dict[str, Any]:
        """Every setting that was said, but for those of a single run."""
        table = {**self._default, **self._recipe, **self._turned}
        return {name: value for name, value in table.items() if name not in PARTIAL}

    def _turned_away(self) -> dict[str, Any]:
        """What was turned away from what holds without a word."""
        return {
            name: value
            for name, value in self._turned.items()
            if value != self._recipe.get(name, self._default.get(name, self._own_default(name)))
        }

    def _own_default(self, name: str) -> Any:
        return self._model.model_fields[name].get_default(call_default_factory=True)
