"""Which project to open: the recent ones, or a folder."""

from __future__ import annotations

from textual.screen import Screen


class StartScreen(Screen[None]):
    """…"""
