"""The tags that were pruned: the trigger word stands for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from dataprep.columns import printable
from tui.widgets.keys import Keys
from tui.widgets.lines import Column, Lines
from tui.words import N_, _, n_


class PrunedDialog(ModalScreen[list[str]]):
    """Lists them; returns those that are to be forgotten."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "forget", N_("Forget"), id="pruned.forget"),
        Binding("escape,q,P", "leave", N_("Back"), key_display="esc", id="pruned.leave"),
    ]

    def __init__(self, tags: Sequence[str], trigger: str) -> None:
        super().__init__()
        self._tags = tags
        self._trigger = trigger

    def compose(self) -> ComposeResult:
        """What they are, the tags, the keys."""
        with Vertical(id="pruned", classes="dialog"):
            count = n_("{n} pruned tag", "{n} pruned tags", len(self._tags))
            yield Static(Content.styled(count, "bold"))
            said = _(
                "The trigger word stands for them: the score asks for them, and tagging does not "
                "write them again. A forgotten tag may be written again."
            )
            yield Static(Content.styled(said, "$text-muted"))
            yield Lines([Column()], "pruned-tags", marking=True)
            yield Keys(id="pruned-keys")

    def on_mount(self) -> None:
        """List the tags."""
        lines = self.query_one(Lines)
        lines.show(list(self._tags), lambda tag: (printable(tag),))
        lines.focus()

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()

    def action_forget(self) -> None:
        """Forget the marked ones, or that under the cursor."""
        self.dismiss(self.query_one(Lines).meant)

    def action_leave(self) -> None:
        """Forget none."""
        self.dismiss([])
