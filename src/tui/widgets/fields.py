"""The settings of a form: a line each, the help of the one at hand below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from dataprep.columns import wide
from tui.fields import Field, Raw, called, found, values_of
from tui.widgets.field_row import SWITCH, FieldRow, allowed
from tui.words import N_, _

LONG = 10
"""From so many settings on there is a line to find one."""


class Find(Input):
    """The line in which one types part of a setting's name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", N_("All settings"), id="fields.drop"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to drop."""
        return action != "drop" or bool(self.value)

    def action_drop(self) -> None:
        """Show all settings again."""
        self.value = ""


class Fields(Vertical):
    """Edits settings; ``values`` are those that were changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash,ctrl+f", "find", N_("Find a setting"), show=False, id="fields.find"),
        Binding("ctrl+z", "usual", N_("Back to the default"), show=False, id="fields.usual"),
    ]

    class Changed(Message):
        """A setting was changed."""

        def __init__(self, fields: Fields, name: str) -> None:
            super().__init__()
            self.fields = fields
            self.name = name

        @property
        def control(self) -> Fields:
            """The settings."""
            return self.fields

    class Submitted(Message):
        """Enter was pressed in a setting."""

    def __init__(self, fields: Sequence[Field], id: str) -> None:
        super().__init__(id=id)
        self.fields = list(fields)
        self._rows = {field.name: FieldRow(field) for field in fields}
        self._headings: dict[str, Static] = {}

    def compose(self) -> ComposeResult:
        """A line to find a setting, the settings below their headings, the help."""
        find = Find(placeholder=_("ctrl+f finds a setting"), compact=True, classes="find")
        find.display = len(self.fields) >= LONG
        yield find
        # a container that scrolls by keys would keep up and down for itself
        with Vertical(classes="rows"):
            group = ""
            for field in self.fields:
                if field.group != group:
                    group = field.group
                    self._headings[group] = Static(Content(_(group)), classes="heading")
                    yield self._headings[group]
                yield self._rows[field.name]
        yield Static(classes="help", markup=False)

    def on_mount(self) -> None:
        """Give all names the same width."""
        width = max((wide(field.name) for field in self.fields), default=0) + 4
        for row in self._rows.values():
            row.query_one(".name").styles.width = width

    def raw(self) -> dict[str, Raw]:
        """What the widgets hold, by setting."""
        return {name: row.raw for name, row in self._rows.items()}

    def values(self) -> dict[str, Any]:
        """The settings that are not as they were at first, as ``dataprep.settings.build`` likes."""
        raw = self.raw()
        return values_of([field for field in self.fields if raw[field.name] != field.start], raw)

    @property
    def errors(self) -> list[str]:
        """The settings of which something wrong was told."""
        return [name for name, row in self._rows.items() if row.has_class("-wrong")]

    def complain(self, name: str, sentence: str) -> bool:
        """Show what is wrong with a setting, and nothing of the others; whether there is such."""
        for row in self._rows.values():
            row.complain(sentence if row.field.name == name else "")
        return name in self._rows

    def begin(self) -> None:
        """Give the keys to the first setting: a required one that is empty, if there is one."""
        empty = [field for field in self.fields if field.about.required and not field.start]
        if self.fields:
            self.go((empty or self.fields)[0].name)

    def go(self, name: str) -> None:
        """Give the keys to a setting."""
        for row in self._rows.values():
            row.display = True
        editor = self._rows[name].editor
        editor.focus()
        # rows that were hidden have no place yet
        self.call_after_refresh(editor.scroll_visible, animate=False)

    def put(self, name: str, raw: Raw) -> None:
        """Put a value there as if it had been typed."""
        self._rows[name].put(raw)

    def action_find(self) -> None:
        """Go to the line that finds a setting."""
        find = self.query_one(Find)
        find.display = True
        find.focus()

    def action_usual(self) -> None:
        """Put the default of the setting at hand there."""
        for row in self._rows.values():
            if row.editor.has_focus:
                row.put(row.field.usual)

    @on(Input.Changed, ".find")
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        rows = self.query_one(".rows")
        if event.value and not rows.styles.has_rule("min_height"):
            # the form keeps its size while one looks
            rows.styles.min_height = rows.size.height
        shown = {field.name for field in found(self.fields, event.value)}
        for name, row in self._rows.items():
            row.display = name in shown
        groups = {field.group for field in self.fields if field.name in shown}
        for group, heading in self._headings.items():
            heading.display = group in groups

    @on(Input.Submitted, ".find")
    def _found(self, event: Input.Submitted) -> None:
        event.stop()
        first = next((name for name, row in self._rows.items() if row.display), "")
        if first:
            self.query_one(Find).value = ""
            self.go(first)

    @on(FieldRow.Entered)
    def _entered(self, event: FieldRow.Entered) -> None:
        event.stop()
        self.query_one(".help", Static).update(_help(self._rows[event.name].field))

    @on(FieldRow.Edited)
    def _edited(self, event: FieldRow.Edited) -> None:
        event.stop()
        self.post_message(self.Changed(self, event.name))

    @on(FieldRow.Submitted)
    def _submitted(self, event: FieldRow.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())


def _help(field: Field) -> Content:
    """What a setting means, what it may be, and its default."""
    usual = _(SWITCH[field.usual]) if isinstance(field.usual, bool) else field.usual
    facts = [allowed(field.about)]
    if called(field.name) != field.name.strip("_").replace("_", " "):
        # what the command line and the recipe call it
        facts.insert(0, field.name)
    if usual:
        facts.append(_("default: {value}").format(value=usual))
    said = " · ".join(fact for fact in facts if fact)
    return Content.assemble(_(field.about.words), "\n" if said else "", (said, "$text-muted"))
