"""The models one may choose: one line for the chosen, all of them while one is in the list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.events import Blur, Focus, Resize

from tui.widgets.lines import Cell, Column, Lines
from tui.words import N_, _

NARROW = 70


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model as the list shows it."""

    name: str
    place: str
    """Where it lies; empty: it is not here."""
    megabytes: int
    scored: int
    pictures: int
    stale: int


class ModelList(Lines):
    """Models with what is here and what has scored; marked are those that are chosen."""

    def __init__(self, id: str) -> None:
        super().__init__([], id, marking=True)
        self._models: Mapping[str, ModelLine] = {}
        self._chosen: list[str] = []

    def show_models(self, models: Sequence[ModelLine], chosen: Sequence[str]) -> None:
        """List these; the cursor goes to the chosen unless one is in the list."""
        self._models = {model.name: model for model in models}
        self._chosen = list(chosen)
        self.marks = set(chosen) & self._models.keys()
        self.show(list(self._models), self._cells_of)
        if not self.has_focus:
            self._collapse()

    def on_focus(self, event: Focus) -> None:
        """Show all, with titles."""
        self._titled(titled=True)

    def on_blur(self, event: Blur) -> None:
        """Show the chosen one."""
        self._collapse()

    def on_resize(self, event: Resize) -> None:
        """Draw in the new width and height."""
        self._titled(titled=self.has_focus or event.size.height > 1)
        super().on_resize(event)

    def _collapse(self) -> None:
        self._titled(titled=self.size.height > 1)
        if self._chosen:
            self.move_to(self._chosen[0])

    def _titled(self, *, titled: bool) -> None:
        place = 13 if self.size.width < NARROW else 16
        columns = [
            Column(N_("model")),
            Column(N_("lies in"), place),
            Column(N_("scored"), 16),
        ]
        self.set_columns(columns if titled else [Column("", column.width) for column in columns])

    def _cells_of(self, name: str) -> Sequence[Cell]:
        model = self._models[name]
        if model.place:
            place = Text(model.place)
        elif model.megabytes:
            place = Text(_("fetch {n} MB").format(n=model.megabytes), "dim")
        else:
            place = Text(_("not here"), "dim")
        return Text(name, "bold" if name in self._chosen else ""), place, _scored(model)


def _scored(model: ModelLine) -> Text:
    if not model.scored and not model.stale:
        return Text("–", "dim")
    text = Text(f"{model.scored}/{model.pictures}")
    if model.stale:
        text.append(" " + _("{n} stale").format(n=model.stale), "bold italic")
    return text
