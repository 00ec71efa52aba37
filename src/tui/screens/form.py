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
from dataprep.settings import Settings, build
from dataprep.stages import Stage
from tui.fields import Raw, command_line, fields_of, values_of
from tui.widgets.field_row import FieldRow


@dataclass(frozen=True, slots=True)
class Answer:
    """A filled form: run this stage so."""

    verb: str
    settings: Settings
    dry_run: bool


class FormScreen(ModalScreen[Answer | None]):
    """Asks for a stage's settings; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="form.leave"),
        Binding("up", "app.focus_previous", "Previous", show=False, id="form.previous"),
        Binding("down", "app.focus_next", "Next", show=False, id="form.next"),
    ]

    def __init__(
        self, stage: Stage, model: type[Settings], recipe: Mapping[str, Any], folder: str
    ) -> None:
        super().__init__()
        self._stage = stage
        self._model = model
        self._folder = folder
        self._fields = fields_of(model, recipe)
        self._touched: set[str] = set()

    def compose(self) -> ComposeResult:
        """Title, a row per setting, the error, the command, the buttons."""
        with Vertical(id="form"):
            title = ((self._stage.verb, "bold"), f"  {self._stage.summary}")
            yield Static(Content.assemble(*title), id="title")
            with VerticalScroll(id="fields", can_focus=False):
                for field in self._fields:
                    yield FieldRow(field)
            yield Static(id="error", markup=False)
            yield Static(id="command", markup=False)
            with Horizontal(id="buttons"):
                yield Button("Run", variant="primary", compact=True, id="run")
                if self._stage.writes:
                    yield Button("Dry run", compact=True, id="dry")
                yield Button("Back", compact=True, id="leave")
                yield Static("enter runs, esc goes back", id="keys")

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
        settings = self._checked(final=True)
        if settings is not None:
            self.dismiss(Answer(self._stage.verb, settings, dry_run))

    def _raw(self) -> dict[str, Raw]:
        return {row.field.name: row.raw for row in self.query(FieldRow)}

    def _show_command(self) -> None:
        line = command_line(self._stage.verb, self._folder, self._fields, self._raw())
        self.query_one("#command", Static).update(Content.assemble(("$ ", "$text-muted"), line))

    def _checked(self, *, final: bool) -> Settings | None:
        """The settings, or None after showing what is wrong with them.

        Before the form is sent nothing is said about settings that were not touched yet.
        """
        where = f"dataprep {self._stage.verb}"
        name, sentence, settings = "", "", None
        try:
            settings = build(self._model, values_of(self._fields, self._raw()), where)
        except UsageError as error:
            sentence = error.message.removeprefix(f"{where}: ")
            name = sentence.split(":")[0]
        said = sentence if final or name in self._touched else ""
        self._complain(name, said, final)
        return settings

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
