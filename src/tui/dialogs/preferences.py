"""Preferences of this machine: changed with Enter, kept at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import prefs
from tui.prefs import SHOWS, Prefs
from tui.widgets.lines import Column, Lines
from tui.words import LANGUAGES, N_, _

THEME, LANGUAGE, PREVIEW, EXPERT, KEYS = "theme", "language", "preview", "expert", "keys"
TITLES = {
    THEME: N_("colours"),
    LANGUAGE: N_("language"),
    PREVIEW: N_("pictures are drawn"),
    EXPERT: N_("all settings of the trainer"),
    KEYS: N_("keys"),
}
PREVIEWS = {
    "auto": N_("as the terminal can do best"),
    "kitty": N_("by kitty's protocol"),
    "sixel": N_("by Sixel"),
    "halfcell": N_("as coloured half cells"),
    "off": N_("not at all"),
}


class PreferencesDialog(ModalScreen[str]):
    """Dismisses with what is to be opened next: "keys" or ""; each change is a message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", N_("Back"), id="preferences.leave"),
        Binding("right,l", "change(1)", N_("Next"), show=False, id="preferences.next"),
        Binding("left,h", "change(-1)", N_("Previous"), show=False, id="preferences.previous"),
    ]

    class Changed(Message):
        """A preference has another value, which is in the file."""

        def __init__(self, liked: Prefs) -> None:
            super().__init__()
            self.liked = liked

    def __init__(self, liked: Prefs, themes: Sequence[str]) -> None:
        super().__init__()
        self._values: dict[str, Any] = {
            THEME: liked.theme,
            LANGUAGE: liked.language,
            PREVIEW: liked.preview,
            EXPERT: liked.expert,
        }
        self._choices: dict[str, Sequence[Any]] = {
            THEME: list(themes),
            LANGUAGE: ["auto", *LANGUAGES],
            PREVIEW: list(SHOWS),
            EXPERT: [False, True],
        }
        self._keys = len(liked.keys)

    def compose(self) -> ComposeResult:
        """A line for each."""
        with Vertical(id="preferences", classes="dialog"):
            yield Static(Content.styled(_("Preferences"), "bold"), classes="title")
            yield Lines([Column(width=28), Column()], id="preferences-list")
            yield Static(_("enter changes; kept in {path}").format(path=prefs.path()), markup=False)

    def on_mount(self) -> None:
        """List them."""
        self._show()

    def _show(self) -> None:
        self.query_one(Lines).show(list(TITLES), lambda key: (_(TITLES[key]), self._text(key)))

    def _text(self, key: str) -> str:
        if key == KEYS:
            return _("{n} changed").format(n=self._keys) if self._keys else _("as they come")
        value = self._values[key]
        if key == PREVIEW:
            return _(PREVIEWS[value])
        if key == LANGUAGE:
            return _("as the system says") if value == "auto" else LANGUAGES[value]
        if key == EXPERT:
            return _("shown") if value else _("the ten that matter")
        return str(value)

    @on(Lines.Chosen)
    def _chosen(self, event: Lines.Chosen) -> None:
        event.stop()
        if event.key == KEYS:
            self.dismiss(KEYS)
        else:
            self.action_change(1)

    def action_change(self, by: int) -> None:
        """The next value of the line with the cursor."""
        key = self.query_one(Lines).current
        if key not in self._choices:
            return
        choices = self._choices[key]
        place = choices.index(self._values[key]) if self._values[key] in choices else 0
        self._values[key] = choices[(place + by) % len(choices)]
        try:
            prefs.remember(**{key: self._values[key]})
        except OSError as error:
            self.app.notify(str(error), severity="error", markup=False)
        self.post_message(self.Changed(prefs.load()))
        self._show()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss("")
