"""The settings of a stage as a form, made from its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from dataprep.errors import UsageError
from dataprep.recipes import command_line
from dataprep.settings import Settings, build
from dataprep.stages import Stage
from tui.fields import fields_of
from tui.widgets.fields import Fields
from tui.words import N_, _

LEAST = 3
"""So many lines of settings are shown in the smallest terminal."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A filled form: run this stage so."""

    verb: str
    values: Mapping[str, Any]
    """The settings that were changed in the form or came with it, as in ``dataprep.toml``."""
    dry_run: bool


class FormScreen(ModalScreen[Answer | None]):
    """Asks for a stage's settings; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="form.leave"),
        Binding("up", "app.focus_previous", N_("Previous"), show=False, id="form.previous"),
        Binding("down", "app.focus_next", N_("Next"), show=False, id="form.next"),
    ]

    def __init__(
        self,
        stage: Stage,
        model: type[Settings],
        recipe: Mapping[str, Any],
        given: Mapping[str, Any],
        folder: str,
    ) -> None:
        """``given`` is what the room says already; it wins over the recipe."""
        super().__init__()
        self._recipe = recipe
        self._given = given
        self._stage = stage
        self._model = model
        self._folder = folder
        self._fields = fields_of(model, {**recipe, **given})
        self._touched: set[str] = set()

    def compose(self) -> ComposeResult:
        """Title, a line per setting, the error, the command, the buttons."""
        with Vertical(id="form", classes="dialog"):
            title = ((self._stage.verb, "bold"), f"  {_(self._stage.summary)}")
            yield Static(Content.assemble(*title), id="form-title")
            yield Fields(self._fields, id="form-fields")
            yield Static(id="form-error", markup=False)
            yield Static(id="form-command", markup=False)
            with Horizontal(classes="buttons"):
                yield Button(_("Run"), variant="primary", compact=True, id="run")
                if self._stage.writes:
                    yield Button(_("Dry run"), compact=True, id="dry")
                yield Button(_("Back"), compact=True, id="leave")
                yield Static(_("enter runs, esc goes back"), classes="keys")

    def on_mount(self) -> None:
        """Begin with the first setting."""
        self._show_command()
        self._rows.begin()

    def on_resize(self) -> None:
        """Give the settings the lines that the rest leaves."""
        self.call_after_refresh(self._fit)

    def _fit(self) -> None:
        dialog, rows = self.query_one("#form"), self.query_one("#form-fields .rows")
        rest = dialog.virtual_size.height - rows.size.height
        frame = dialog.outer_size.height - dialog.size.height
        rows.styles.max_height = max(LEAST, self.size.height - frame - rest)

    @property
    def _rows(self) -> Fields:
        return self.query_one(Fields)

    @on(Fields.Changed)
    def _edited(self, event: Fields.Changed) -> None:
        self._touched.add(event.name)
        self._show_command()
        self._checked(final=False)

    @on(Fields.Submitted)
    @on(Button.Pressed, "#run")
    def _run(self) -> None:
        self._answer(dry_run=False)

    @on(Button.Pressed, "#dry")
    def _dry(self) -> None:
        self._answer(dry_run=True)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Close the form and do nothing."""
        self.dismiss(None)

    def _answer(self, *, dry_run: bool) -> None:
        if self._checked(final=True):
            self.dismiss(Answer(self._stage.verb, self._values(), dry_run))

    def _values(self) -> dict[str, Any]:
        """What the room said and what was changed here."""
        return {**self._given, **self._rows.values()}

    def _meant(self) -> dict[str, Any]:
        """All that the stage would be told; what is required and was emptied lacks."""
        raw = self._rows.raw()
        emptied = {
            field.name for field in self._fields if field.about.required and not raw[field.name]
        }
        told = {**self._recipe, **self._values()}
        return {name: value for name, value in told.items() if name not in emptied}

    def _show_command(self) -> None:
        line = command_line(self._stage.verb, self._folder, self._values(), self._recipe)
        self.query_one("#form-command", Static).update(
            Content.assemble(("$ ", "$text-muted"), line)
        )
        self.call_after_refresh(self._fit)

    def _checked(self, *, final: bool) -> bool:
        """Whether the settings can be meant; what is wrong with them is shown.

        Before the form is sent nothing is said about settings that were not touched yet.
        """
        where = f"dataprep {self._stage.verb}"
        name, sentence = "", ""
        try:
            build(self._model, self._meant(), where)
        except UsageError as error:
            sentence = error.message.removeprefix(f"{where}: ")
            name = sentence.split(":")[0].split(".")[0]
        said = sentence if final or name in self._touched else ""
        mine = self._rows.complain(name, said.partition(": ")[2])
        # what is wrong with the settings as a whole names none of them
        general = self.query_one("#form-error", Static)
        general.update(Content("" if mine else said))
        general.display = bool(said and not mine)
        self.call_after_refresh(self._fit)
        if mine and said and final:
            self._rows.go(name)
        return not sentence
