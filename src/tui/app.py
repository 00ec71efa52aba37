"""The workshop: one project at a time, and what outlives a screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from tui import prefs, words
from tui.desk import Desk
from tui.pictures import Drawing
from tui.prefs import Prefs
from tui.screens.main import MainScreen
from tui.words import N_, _

if TYPE_CHECKING:
    from tui.screens.start import StartScreen

STYLES = Path(__file__).parent / "styles"
WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""Columns of the terminal → class of the screen."""
HEIGHTS = [(0, "-low"), (34, "-high")]
"""Lines of the terminal → class of the screen."""
FIRST = "first"
"""The mode of the first screen; each other one gets a mode of its own."""
FAREWELL = 2.0
"""Seconds a job that was stopped by leaving may take to clean up."""


class Workshop(App[None]):
    """Opens a project, or asks which one."""

    TITLE = "dataprep"
    DEFAULT_MODE = FIRST
    CSS_PATH: ClassVar[list[str | PurePath]] = [*sorted(STYLES.glob("*.tcss"))]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        # ctrl+q, Textual's own, never arrives in some terminals
        Binding("q", "quit", N_("Quit"), id="app.quit"),
        Binding("colon", "command_palette", N_("Commands"), show=False, id="app.commands"),
        Binding("f8", "preferences", N_("Preferences"), show=False, id="app.preferences"),
    ]

    def __init__(self, root: Path | None, drawing: Drawing, prefs: Prefs | None = None) -> None:
        super().__init__()
        self._root = root
        self._drawing = drawing
        self.prefs = prefs or Prefs()
        words.use(self.prefs.language)
        self.desk: Desk | None = None
        """The open project's; None before one was chosen."""
        self.ended = True
        """Whether all that ran has ended by itself."""
        self._turns = 0
        self.add_mode(FIRST, self.get_default_screen)
        self.set_keymap(self.prefs.keys)

    def on_mount(self) -> None:
        """Wear the theme one likes, and keep another one that is chosen."""
        if self.prefs.theme in self.available_themes:
            self.theme = self.prefs.theme
        self.theme_changed_signal.subscribe(self, lambda theme: self._keep_theme(theme.name))

    def _keep_theme(self, name: str) -> None:
        if name != self.prefs.theme:
            self.prefs = replace(self.prefs, theme=name)
            try:
                prefs.remember(theme=name)
            except OSError as error:
                self.notify(str(error), severity="error", markup=False)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        from tui.screens.commands import commands

        return commands(self, screen)

    def action_command_palette(self) -> None:
        """Show everything that can be done."""
        from textual.command import CommandPalette

        if not isinstance(self.screen, CommandPalette):
            palette = CommandPalette(placeholder=_("what to do"), id="--command-palette")
            self.push_screen(palette)

    async def action_preferences(self) -> None:
        """Show the preferences of this machine."""
        from tui.dialogs.preferences import KEYS, PreferencesDialog

        def answered(following: str | None) -> None:
            if following == KEYS:
                self.call_later(self.action_keymap)

        self.push_screen(PreferencesDialog(self.prefs, list(self.available_themes)), answered)

    async def action_keymap(self) -> None:
        """Show every key, and change some."""
        from tui.dialogs.keymap import KeymapDialog
        from tui.screens.bindings import all_bindings

        self.push_screen(KeymapDialog(all_bindings(self), self.prefs.keys))

    async def on_preferences_dialog_changed(self, event: Message) -> None:
        """Follow at once what can be followed."""
        before, self.prefs = self.prefs, prefs.load()
        if self.desk is not None:
            self.desk.prefs = self.prefs
        if self.prefs.theme != before.theme:
            self.theme = self.prefs.theme
        if self.prefs.language != before.language:
            words.use(self.prefs.language)
            self.notify(_("the screens speak it from the next opening on"))

    async def on_keymap_dialog_changed(self, event: Message) -> None:
        """Let the keys hold from now on."""
        self.prefs = prefs.load()
        self.set_keymap(self.prefs.keys)

    def get_default_screen(self) -> Screen[None]:
        """The project's screen; no empty one is drawn before it."""
        if self._root is not None:
            return MainScreen(self._opened(self._root))
        from tui.screens.start import StartScreen

        return StartScreen()

    def on_start_screen_opened(self, event: StartScreen.Opened) -> None:
        """Go to the project that was chosen."""
        self.open_project(event.root)

    def action_projects(self) -> None:
        """Close the project and ask which one to open."""
        from tui.screens.start import StartScreen

        if self.desk is None:
            return
        self.close_project()
        self._turn_to(StartScreen)

    def open_project(self, root: Path) -> None:
        """Leave this screen for a project's."""
        self._turn_to(lambda: MainScreen(self._opened(root)))

    def _turn_to(self, make: Callable[[], Screen[None]]) -> None:
        """Go to another screen, and leave the one before with all that lies over it.

        By modes, for a screen that was the first cannot be switched.
        """
        before = self.current_mode
        self._turns += 1
        self.add_mode(f"{FIRST} {self._turns}", make)
        self.switch_mode(f"{FIRST} {self._turns}")
        self.remove_mode(before)

    def _opened(self, root: Path) -> Desk:
        self.close_project()
        self.desk = Desk(root, self._drawing, self.prefs)
        with suppress(OSError):  # a home that cannot be written keeps no list of projects
            prefs.note_opened(root)
        return self.desk

    def close_project(self) -> None:
        """End what runs in the open project, and save what is remembered of it."""
        if self.desk is not None:
            self.ended = self.desk.close(FAREWELL)
            self.desk = None

    async def action_quit(self) -> None:
        """Leave at once; what runs is stopped behind the closed screen."""
        if self.desk is not None:
            self.desk.jobs.cancel()
        self.exit()
