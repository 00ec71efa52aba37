"""Tags to add to several captions, or to take out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui.widgets.tag_input import TagInput, Words
from tui.words import N_, _, n_


@dataclass(frozen=True, slots=True)
class TagsAnswer:
    """What is to be done to the captions."""

    add: tuple[str, ...]
    remove: tuple[str, ...]


class TagsDialog(ModalScreen[TagsAnswer | None]):
    """Asks which tags go in and which go out; None when the person thought better of it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", N_("Back"), id="tags.leave"),
        Binding("up", "app.focus_previous", N_("Previous"), show=False, id="tags.previous"),
        Binding("down", "app.focus_next", N_("Next"), show=False, id="tags.next"),
    ]

    def __init__(self, count: int, complete: Words) -> None:
        super().__init__()
        self._count = count
        self._complete = complete

    def compose(self) -> ComposeResult:
        """A line for what is added, one for what is removed."""
        with Vertical(id="tags", classes="dialog"):
            title = n_("Tags of {n} picture", "Tags of {n} pictures", self._count)
            yield Static(title, id="tags-title", markup=False)
            with Horizontal(classes="line"):
                yield Static(_("add"), classes="name", markup=False)
                yield TagInput(self._complete, "tags-add", placeholder=_("separated by commas"))
            with Horizontal(classes="line"):
                yield Static(_("remove"), classes="name", markup=False)
                yield TagInput(self._complete, "tags-remove", placeholder=_("separated by commas"))
            yield Static(
                _("What is added goes to the end of each caption that lacks it."),
                classes="hint",
                markup=False,
            )
            with Horizontal(classes="buttons"):
                yield Button(_("Do it"), variant="primary", compact=True, id="tags-go")
                yield Button(_("Back"), compact=True, id="tags-leave")
                yield Static(_("enter does it, esc goes back"), classes="keys", markup=False)

    def on_mount(self) -> None:
        """Begin with what is added."""
        self.query_one("#tags-add", TagInput).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#tags-go")
    def _go(self) -> None:
        add, remove = (
            tuple(self.query_one(name, TagInput).tags) for name in ("#tags-add", "#tags-remove")
        )
        self.dismiss(TagsAnswer(add, remove) if add or remove else None)

    @on(Button.Pressed, "#tags-leave")
    def action_leave(self) -> None:
        """Change nothing."""
        self.dismiss(None)
