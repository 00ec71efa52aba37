"""Every key of the workshop, and the way to give an action another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import prefs
from tui.widgets.lines import Column, Lines
from tui.words import N_, _


class KeymapDialog(ModalScreen[None]):
    """Lists bindings by id; Enter, then a key, gives one that key; Delete gives its own back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Back"), id="keymap.leave"),
        Binding("delete,backspace", "reset", N_("Give its own key back"), id="keymap.reset"),
    ]

    class Changed(Message):
        """The keys are these now, and in the file."""

        def __init__(self, keys: Mapping[str, str]) -> None:
            super().__init__()
            self.keys = dict(keys)

    def __init__(self, bindings: Iterable[Binding], keys: Mapping[str, str]) -> None:
        super().__init__()
        self._known = {binding.id: binding for binding in bindings if binding.id}
        self._changed = dict(keys)
        self._waiting = ""

    def compose(self) -> ComposeResult:
        """The list, and what to do."""
        with Vertical(id="keymap", classes="dialog"):
            yield Static(Content.styled(_("Keys"), "bold"), classes="title")
            yield Lines(
                [Column(N_("what"), 30), Column(N_("key"), 18), Column(N_("name in tui.toml"))],
                id="keymap-list",
            )
            yield Static(id="keymap-words", markup=False)

    def on_mount(self) -> None:
        """List them."""
        self._show(_("enter, then a key, changes one; delete gives its own back"))

    def _show(self, words: str) -> None:
        self.query_one(Lines).show(list(self._known), self._cells)
        self.query_one("#keymap-words", Static).update(Content(words))

    def _cells(self, name: str) -> tuple[str, str, str]:
        binding = self._known[name]
        keys = self._changed.get(name, binding.key)
        return _(binding.description), ("* " if name in self._changed else "") + keys, name

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        self._waiting = event.key
        what = _(self._known[event.key].description)
        self._show(_("press the key for “{what}”; esc leaves it").format(what=what))

    async def on_event(self, event: object) -> None:
        """While a key is awaited it is no command."""
        if isinstance(event, Key) and self._waiting:
            event.stop()
            event.prevent_default()
            self._take(event.key)
            return
        await super().on_event(event)  # type: ignore[arg-type]

    def _take(self, key: str) -> None:
        name, self._waiting = self._waiting, ""
        if key == "escape":
            self._show(_("left as it was"))
            return
        scope = name.split(".")[0]
        others = [
            other
            for other, binding in self._known.items()
            if other != name
            and key in self._changed.get(other, binding.key).split(",")
            and other.split(".")[0] in (scope, "main", "app")
        ]
        self._changed[name] = key
        self._keep()
        clash = ", ".join(_(self._known[other].description) for other in others)
        said = _("{key} is also the key of: {others}").format(key=key, others=clash)
        self._show(said if others else _("changed"))

    def action_reset(self) -> None:
        """Give the action on the line its own key back."""
        if self._changed.pop(self.query_one(Lines).current, None) is not None:
            self._keep()
            self._show(_("its own key again"))

    def _keep(self) -> None:
        try:
            prefs.remember(keys=self._changed)
        except OSError as error:
            self.app.notify(str(error), severity="error", markup=False)
        self.post_message(self.Changed(self._changed))

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
