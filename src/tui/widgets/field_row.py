"""One setting in a form: its name, a widget for its kind, and a line of help."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, Switch

from tui.fields import Field, Raw
from tui.words import N_, _

SWITCH = (N_("off"), N_("on"))


class FieldRow(Vertical):
    """Edits one setting and says when it has changed."""

    class Edited(Message):
        """The person changed this setting."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Submitted(Message):
        """Enter was pressed: the form is filled."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field

    @property
    def raw(self) -> Raw:
        """What the widget holds."""
        widget = self.editor
        if isinstance(widget, Switch):
            return widget.value
        if isinstance(widget, Select):
            return "" if widget.selection is None else str(widget.selection)
        assert isinstance(widget, Input)
        return widget.value

    @property
    def editor(self) -> Widget:
        """The widget that takes the keys."""
        return self.query_one(".editor")

    def compose(self) -> ComposeResult:
        """Name and widget beside each other, the help below."""
        with Horizontal():
            yield Label(Content(self.field.name.replace("_", " ")), classes="name")
            yield self._editor()
            if self.field.kind == "switch":
                yield Label(_(SWITCH[bool(self.field.start)]), classes="state")
        yield Static(Content(_(self.field.help)), classes="help")

    def complain(self, sentence: str) -> None:
        """Show what is wrong with the value in place of the help; empty: nothing is."""
        self.set_class(bool(sentence), "-wrong")
        self.query_one(".help", Static).update(Content(sentence or _(self.field.help)))

    def _editor(self) -> Widget:
        start = self.field.start
        if isinstance(start, bool):
            return Switch(start, animate=False, classes="editor")
        if self.field.kind == "choice":
            return Select(
                [(str(choice), str(choice)) for choice in self.field.choices],
                value=start or Select.NULL,
                allow_blank=self.field.nullable or not start,
                prompt="–",
                compact=True,
                classes="editor",
            )
        placeholder = _("required") if self.field.required else ""
        if self.field.kind == "list":
            placeholder = _("separated by commas")
        return Input(start, placeholder=placeholder, compact=True, classes="editor")

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Switch.Changed)
    def _edited(self, event: Message) -> None:
        event.stop()
        if isinstance(event, Switch.Changed):
            self.query_one(".state", Label).update(_(SWITCH[event.value]))
        self.post_message(self.Edited(self.field.name))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())
