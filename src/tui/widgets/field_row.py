"""One setting in a form: its name, and a widget for its kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Select, Static, Switch

from dataprep import fields
from tui.fields import Field, Raw, called
from tui.words import N_, _

SWITCH = (N_("off"), N_("on"))
DIFFERS = "• "
"""Stands before a setting that is not the default."""


class Choice(Select[str]):
    """A choice that up and down leave, as they do every other setting."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", N_("Next"), show=False, id="choice.next"),
        Binding("up", "app.focus_previous", N_("Previous"), show=False, id="choice.previous"),
        Binding("right", "turn(1)", N_("Next choice"), show=False, id="choice.right"),
        Binding("left", "turn(-1)", N_("Choice before"), show=False, id="choice.left"),
    ]

    def __init__(self, names: Sequence[str], value: str, *, allow_blank: bool) -> None:
        super().__init__(
            [(name, name) for name in names],
            value=value or Select.NULL,
            allow_blank=allow_blank,
            prompt="–",
            compact=True,
            classes="editor",
        )
        self._names = [*([""] if allow_blank else []), *names]

    def action_turn(self, by: int) -> None:
        """Choose the next, or the one before."""
        place = self._names.index(self.selection or "") + by
        if 0 <= place < len(self._names):
            self.value = self._names[place] or Select.NULL


class FieldRow(Vertical):
    """Edits one setting and says when it has changed."""

    class Edited(Message):
        """The person changed this setting."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Entered(Edited):
        """This setting has the keys now."""

    class Submitted(Message):
        """Enter was pressed: the form is filled."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self.field = field
        self._complaint = Static(classes="complaint", markup=False)
        self._complaint.display = False

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
        """Name and widget beside each other; a complaint below."""
        with Horizontal():
            yield Static(self._label(self.field.start), classes="name")
            yield self._editor()
            if self.field.kind == "switch":
                yield Static(_(SWITCH[bool(self.field.start)]), classes="state")
        yield self._complaint

    def complain(self, sentence: str) -> None:
        """Show below the setting what is wrong with it; empty: nothing is."""
        self.set_class(bool(sentence), "-wrong")
        self._complaint.display = bool(sentence)
        self._complaint.update(Content(sentence))

    def put(self, raw: Raw) -> None:
        """Put a value there as if it had been typed."""
        widget = self.editor
        if isinstance(widget, Switch):
            widget.value = bool(raw)
        elif isinstance(widget, Select):
            widget.value = raw or Select.NULL
        elif isinstance(widget, Input):
            widget.value = str(raw)

    def _label(self, raw: Raw) -> Content:
        mark = DIFFERS if raw != self.field.usual else " " * len(DIFFERS)
        return Content.assemble((mark, "$accent"), called(self.field.name))

    def _editor(self) -> Widget:
        start = self.field.start
        if isinstance(start, bool):
            return Switch(start, animate=False, classes="editor")
        if self.field.kind == "choice":
            return self._select(start)
        return Input(start, placeholder=_placeholder(self.field), compact=True, classes="editor")

    def _select(self, start: str) -> Widget:
        about = self.field.about
        known = [str(choice) for choice in about.choices]
        # a recipe may say what the model does not allow, and the form is where one mends it
        shown = known if not start or start in known else [*known, start]
        return Choice(shown, start, allow_blank=about.nullable or not start)

    @on(Input.Changed)
    @on(Select.Changed)
    @on(Switch.Changed)
    def _edited(self, event: Message) -> None:
        event.stop()
        if isinstance(event, Switch.Changed):
            self.query_one(".state", Static).update(_(SWITCH[event.value]))
        self.query_one(".name", Static).update(self._label(self.raw))
        self.post_message(self.Edited(self.field.name))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())

    @on(DescendantFocus)
    def _entered(self) -> None:
        self.post_message(self.Entered(self.field.name))


def _placeholder(field: Field) -> str:
    if field.about.required:
        return _("required")
    if field.kind == "list":
        return _("separated by commas")
    return _("not set") if field.about.nullable else ""


def allowed(about: fields.Field) -> str:
    """Which values a setting may have, in words; empty where any may be."""
    parts = [
        _("{low} to {high}").format(low=_plain(about.least), high=_plain(about.most))
        if about.least is not None and about.most is not None
        else "",
        _("at least {low}").format(low=_plain(about.least))
        if about.least is not None and about.most is None
        else "",
        _("at most {high}").format(high=_plain(about.most))
        if about.most is not None and about.least is None
        else "",
        _("more than {low}").format(low=_plain(about.above)) if about.above is not None else "",
        _("less than {high}").format(high=_plain(about.below)) if about.below is not None else "",
        ", ".join(map(str, about.choices)) if about.kind == "list" else "",
    ]
    return ", ".join(part for part in parts if part)


def _plain(number: float | None) -> str:
    return f"{number:g}" if number is not None else ""
