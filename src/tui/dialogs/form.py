"""The settings of a stage as a form, made from its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from dataprep.errors import UsageError
from dataprep.recipes import command_line
from dataprep.settings import Settings, build
from dataprep.stages import Stage
from tui.fields import Raw, fields_of, values_of
from tui.widgets.field_row import FieldRow
from tui.words import N_, _


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
        """Title, a row per setting, the error, the command, the buttons."""
        with Vertical(id="form", classes="dialog"):
            title = ((self._stage.verb, "bold"), f"  {_(self._stage.summary)}")
            yield Static(Content.assemble(*title), id="title")
            with VerticalScroll(id="fields", can_focus=False):
                for field in self._fields:
                    yield FieldRow(field)
            yield Static(id="error", markup=False)
            yield Static(id="form-command", markup=False)
            with Horizontal(id="buttons"):
                yield Button(_("Run"), variant="primary", compact=True, id="run")
                if self._stage.writes:
                    yield Button(_("Dry run"), compact=True, id="dry")
                yield Button(_("Back"), compact=True, id="leave")
                yield Static(_("enter runs, esc goes back"), id="keys")

    def on_mount(self) -> None:
        """Begin with the first setting."""
        self._show_command()
        self.query(FieldRow).first().editor.focus()

    @on(FieldRow.Edited)
    def _edited(self, event: FieldRow.Edited) -> None:
        self._touched.add(event.name)
        self._show_command()
        self._checked(final=False)

    @on(FieldRow.Submitted)
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

    def _raw(self) -> dict[str, Raw]:
        return {row.field.name: row.raw for row in self.query(FieldRow)}

    def _values(self) -> dict[str, Any]:
        """What the room said and what was changed here."""
        raw = self._raw()
        changed = [field for field in self._fields if raw[field.name] != field.start]
        return {**self._given, **values_of(changed, raw)}

    def _show_command(self) -> None:
        line = command_line(self._stage.verb, self._folder, self._values(), self._recipe)
        self.query_one("#form-command", Static).update(
            Content.assemble(("$ ", "$text-muted"), line)
        )

    def _checked(self, *, final: bool) -> bool:
        """Whether the settings can be meant; what is wrong with them is shown.

        Before the form is sent nothing is said about settings that were not touched yet.
        """
        where = f"dataprep {self._stage.verb}"
        name, sentence = "", ""
        try:
            build(self._model, values_of(self._fields, self._raw()), where)
        except UsageError as error:
            sentence = error.message.removeprefix(f"{where}: ")
            name = sentence.split(":")[0]
        said = sentence if final or name in self._touched else ""
        self._complain(name, said, final)
        return not sentence

    def _complain(self, name: str, sentence: str, final: bool) -> None:
        # what is wrong with the settings as a whole names none of them
        general = sentence
        for row in self.query(FieldRow):
            mine = row.field.name == name.split(".")[0]
            row.complain(sentence.partition(": ")[2] if mine else "")
            if mine:
                general = ""
                if sentence and final:
                    row.editor.focus()
        self.query_one("#error", Static).update(Content(general))
