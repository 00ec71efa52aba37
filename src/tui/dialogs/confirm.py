"""One line that asks before something is done."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui.words import N_, _


class ConfirmDialog(ModalScreen[bool]):
    """Asks a question in a line or two: enter and y mean yes, esc and n mean no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", N_("Yes"), show=False, id="confirm.yes"),
        Binding("escape,n,q", "answer(False)", N_("No"), show=False, id="confirm.no"),
        Binding("left,up", "app.focus_previous", N_("Previous"), show=False, id="confirm.previous"),
        Binding("right,down", "app.focus_next", N_("Next"), show=False, id="confirm.next"),
    ]

    def __init__(self, question: str, yes: str, detail: str = "") -> None:
        """``yes`` is what the button says, such as "Train"; ``detail`` stands below, fainter."""
        super().__init__()
        self._question = question
        self._yes = yes
        self._detail = detail

    def compose(self) -> ComposeResult:
        """The question and two buttons; the first has the focus."""
        with Vertical(id="confirm", classes="dialog"):
            yield Static(Content(self._question), id="confirm-question")
            if self._detail:
                yield Static(Content.styled(self._detail, "$text-muted"), id="confirm-detail")
            with Horizontal(id="confirm-buttons"):
                yield Button(Content(self._yes), variant="primary", compact=True, id="confirm-yes")
                yield Button(_("Back"), compact=True, id="confirm-no")

    def on_mount(self) -> None:
        """Begin on yes, so that one enter is enough."""
        self.query_one("#confirm-yes", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer by the button."""
        event.stop()
        self.action_answer(event.button.id == "confirm-yes")

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)
