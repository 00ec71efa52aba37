"""The trainer's settings: ten or all, tried by arrows or typed, each with a line of help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.widgets import Input, Static

from dataprep.errors import DataprepError
from tui.widgets.lines import Cell, Column, Lines
from tui.widgets.setting_lines import SettingLines
from tui.widgets.setting_words import equal, limits, meant, shown
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.fields import Field

HEADING = "#"
"""Keys of lines that are headings begin so; no setting does."""
HEADINGS = {
    "base model": N_("Base model"),
    "LoRA": N_("LoRA"),
    "learning": N_("Learning"),
    "length": N_("How long"),
    "pictures": N_("Pictures"),
    "captions": N_("Captions"),
    "noise": N_("Noise and loss"),
    "samples": N_("Samples"),
    "machine": N_("Machine"),
    "files": N_("Files"),
    "log": N_("Log"),
    "more": N_("More"),
}
DOUBLING = {"network_dim", "network_alpha", "train_batch_size"}
"""Settings that people try by doubling."""


class TrainForm(Vertical):
    """Holds the settings of the next run. What is impossible is not taken up."""

    class Changed(Message):
        """A setting was taken up; ``value`` None: it is left out."""

        def __init__(self, key: str, value: Any) -> None:
            super().__init__()
            self.key = key
            self.value = value

    class Typing(Message):
        """Something is being typed that is not taken up yet, or is not typed any more."""

    class Refused(Message):
        """A value was not taken up, and why."""

        def __init__(self, sentence: str) -> None:
            super().__init__()
            self.sentence = sentence

    class BaseWanted(Message):
        """The person wants to choose a base model."""

    def __init__(self, id: str, *, expert: bool) -> None:
        super().__init__(id=id)
        self._fields: dict[str, Field] = {}
        self._typing_key = ""
        self._typed: Any = None
        self.values: dict[str, Any] = {}
        """What is taken up, by key."""
        self.expert = expert
        """Show every setting."""

    def compose(self) -> ComposeResult:
        """The settings, a line to type in, and the help."""
        yield SettingLines([Column(width=22), Column(width=16), Column()], id="train-settings")
        with Horizontal(id="train-typing"):
            yield Static(id="train-typed", markup=False)
            yield Input(id="train-edit", compact=True)
            yield Static(_("enter keeps, esc goes back"), id="train-typing-keys")
        yield Static(id="train-help", markup=False)

    def on_mount(self) -> None:
        """Read the trainer's model."""
        from dataprep.fields import fields_of
        from train.config import TrainConfig

        self._fields = fields_of(TrainConfig)
        self.query_one("#train-typing").display = False

    @property
    def fields(self) -> Mapping[str, Field]:
        """Every setting of the trainer."""
        return self._fields

    @property
    def lines(self) -> SettingLines:
        """The list of settings, which takes the keys."""
        return self.query_one("#train-settings", SettingLines)

    @property
    def shown(self) -> dict[str, Any]:
        """The settings, with the one that is being typed."""
        key = self._typing_key
        return self._with({key: self._typed}) if key else self.values

    @property
    def error(self) -> str:
        """What is wrong with what is shown, in a sentence; empty: nothing is."""
        return _error_of(self.shown)

    def show(self, values: Mapping[str, Any]) -> None:
        """Begin with these."""
        self.values = dict(values)
        self._draw()

    def toggle_expert(self) -> None:
        """Show all settings, or the ten."""
        self.expert = not self.expert
        self._draw()
        self.lines.focus()

    def take(self, key: str, value: Any) -> bool:
        """Take a value up, unless it makes the settings impossible; whether it was."""
        return self.take_all({key: value})

    def take_all(self, changes: Mapping[str, Any]) -> bool:
        """The same of several at once; None takes one out."""
        fresh = self._with(changes)
        error = _error_of(fresh)
        if error and not _error_of(self.values):
            self.post_message(self.Refused(error))
            return False
        self.values = fresh
        self._draw()
        for key, value in changes.items():
            self.post_message(self.Changed(key, value))
        return True

    @property
    def typed(self) -> dict[str, Any]:
        """What is being typed and can be meant, by key; else empty."""
        return {self._typing_key: self._typed} if self._typing_key and not self.error else {}

    def finish(self) -> None:
        """Take up what is being typed."""
        key, value = self._typing_key, self._typed
        if key:
            self._end_typing()
            self.take(key, value)

    # drawing

    def _draw(self) -> None:
        lines = self.lines
        lines.show(self._keys(), self._cells)
        if lines.place == 0 and lines.current.startswith(HEADING):
            lines.move_to(lines.keys[1])
        self._draw_help()

    def _keys(self) -> list[str]:
        from dataprep.training_values import NOVICE, grouped

        if not self.expert:
            return [key for key in NOVICE if key in self._fields]
        groups = grouped(self._fields)
        return [line for name, keys in groups.items() for line in (HEADING + name, *keys)]

    def _cells(self, key: str) -> tuple[Cell, ...]:
        if key.startswith(HEADING):
            name = key.removeprefix(HEADING)
            return (Text(_(HEADINGS.get(name, name)), style="bold"),)
        field = self._fields[key]
        given = self.shown.get(key)
        value = field.default if given is None else given
        style = "bold" if given is not None and not equal(given, field.default) else ""
        return (
            _title(key),
            Text(shown(field, value), style="reverse" if key == self._typing_key else style),
            Text(_(field.words), style="dim"),
        )

    def _draw_help(self) -> None:
        field = self._fields.get(self.lines.current)
        said: list[str | tuple[str, str]] = []
        if field is not None:
            usual = "" if field.default in (None, "") else shown(field, field.default)
            said = [(_title(field.name), "bold"), "  ", _(field.words)]
            more = [_("Usual: {value}.").format(value=usual)] if usual else []
            said.append((" ".join(["", *more, limits(field)]), "$text-muted"))
        self.query_one("#train-help", Static).update(Content.assemble(*said))

    # changing

    def _with(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        from dataprep.training_values import changed

        return changed(self.values, changes)

    @on(Lines.Moved)
    def _moved(self, event: Lines.Moved) -> None:
        event.stop()
        self._draw_help()

    @on(SettingLines.Stepped)
    def _stepped(self, event: SettingLines.Stepped) -> None:
        from dataprep.stepping import stepped
        from dataprep.training_values import BASE, next_base

        event.stop()
        field = self._fields.get(event.key)
        if field is None:
            return
        if event.key == BASE:
            self.take(BASE, next_base(str(self.values.get(BASE, "")), event.by))
            return
        given = self.values.get(event.key)
        value = field.default if given is None else given
        fresh = stepped(field, value, event.by, doubling=event.key in DOUBLING)
        if not equal(fresh, value):
            self.take(event.key, fresh)

    @on(SettingLines.Usual)
    def _usual(self, event: SettingLines.Usual) -> None:
        event.stop()
        field = self._fields.get(event.key)
        if field is not None and not field.required and event.key in self.values:
            self.take(event.key, None)

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        from dataprep.training_values import BASE

        event.stop()
        field = self._fields.get(event.key)
        if event.key == BASE:
            self.post_message(self.BaseWanted())
        elif field is not None and field.kind in ("switch", "choice"):
            self.lines.action_step(1)
        elif field is not None:
            self._begin_typing(field)

    # typing

    def _begin_typing(self, field: Field) -> None:
        edit = self.query_one("#train-edit", Input)
        given = self.values.get(field.name)
        self._typed = value = field.default if given is None else given
        self._typing_key = field.name
        self.query_one("#train-typing").display = True
        self.query_one("#train-typed", Static).update(Content(_title(field.name) + ":"))
        with edit.prevent(Input.Changed):
            edit.value = "" if value is None else shown(field, value)
        edit.placeholder = _("left out")
        edit.focus()
        self.lines.refresh()

    @on(Input.Changed)
    def _typing(self, event: Input.Changed) -> None:
        event.stop()
        if self._typing_key:
            self._typed = meant(self._fields[self._typing_key], event.value)
            self.lines.refresh()
            self.post_message(self.Typing())

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        # what is wrong is said above, and can be mended here
        if not self.error or _error_of(self.values):
            self.finish()

    def on_key(self, event: Key) -> None:
        """Esc leaves the typing with what was there before."""
        if event.key == "escape" and self._typing_key:
            event.stop()
            event.prevent_default()
            self._end_typing()
            self.post_message(self.Typing())

    def _end_typing(self) -> None:
        self._typing_key, self._typed = "", None
        self.query_one("#train-typing").display = False
        self.lines.focus()
        self.lines.refresh()


def _error_of(values: Mapping[str, Any]) -> str:
    """Why the trainer would not take these; empty: it would."""
    from dataprep.settings import build
    from dataprep.training_values import BASE, PLACES
    from train.config import TrainConfig

    try:
        build(TrainConfig, {BASE: "demo", **PLACES, **values}, "")
    except DataprepError as error:
        return f"{error.message.removeprefix(': ')} {error.hint}".strip()
    return ""


def _title(key: str) -> str:
    from dataprep.training_values import BASE
    from tui.fields import called

    return _("base model") if key == BASE else called(key)
