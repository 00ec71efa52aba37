"""The workshop: one project at a time, and what outlives a screen."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui import prefs, words
from tui.desk import Desk
from tui.pictures import Drawing
from tui.prefs import Prefs
from tui.screens.main import MainScreen
from tui.words import N_

STYLES = Path(__file__).parent / "styles"
WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""Columns of the terminal → class of the screen."""
HEIGHTS = [(0, "-low"), (34, "-high")]
"""Lines of the terminal → class of the screen."""
FAREWELL = 2.0
"""Seconds a job that was stopped by leaving may take to clean up."""


class Workshop(App[None]):
    """Opens a project, or asks which one."""

    TITLE = "dataprep"
    CSS_PATH: ClassVar[list[str | PurePath]] = [*sorted(STYLES.glob("*.tcss"))]
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        # ctrl+q, Textual's own, never arrives in some terminals
        Binding("q", "quit", N_("Quit"), id="app.quit"),
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
        self.set_keymap(self.prefs.keys)

    def on_mount(self) -> None:
        """Wear the theme one likes."""
        if self.prefs.theme in self.available_themes:
            self.theme = self.prefs.theme

    def get_default_screen(self) -> Screen[None]:
        """The project's screen; no empty one is drawn before it."""
        if self._root is not None:
            return MainScreen(self._opened(self._root))
        from tui.screens.start import StartScreen

        return StartScreen()

    def open_project(self, root: Path) -> None:
        """Leave this screen for a project's."""
        self.switch_screen(MainScreen(self._opened(root)))

    def _opened(self, root: Path) -> Desk:
        self.close_project()
        self.desk = Desk(root, self._drawing, self.prefs)
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
