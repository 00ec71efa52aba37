"""The workshop: one project, one job at a time."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.jobs import Jobs
from tui.pictures import Drawing
from tui.screens.main import MainScreen

WIDTHS = [(0, "-narrow"), (100, "-wide")]
"""Columns of the terminal → class of the screen."""
HEIGHTS = [(0, "-low"), (34, "-high")]
"""Lines of the terminal → class of the screen."""


class Workshop(App[None]):
    """Holds what outlives a screen: the project's folder and its running job."""

    TITLE = "dataprep"
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    BINDINGS: ClassVar[list[BindingType]] = [
        # ctrl+q, Textual's own, never arrives in some terminals
        Binding("q", "quit", "Quit", id="app.quit"),
    ]

    def __init__(self, root: Path, drawing: Drawing) -> None:
        super().__init__()
        self._root = root
        self._drawing = drawing
        self.jobs = Jobs(root)

    def get_default_screen(self) -> Screen[None]:
        """The project's screen; no empty one is drawn before it."""
        return MainScreen(self._root, self.jobs, self._drawing)

    async def action_quit(self) -> None:
        """Leave at once; what runs is stopped behind the closed screen."""
        self.jobs.cancel()
        self.exit()
