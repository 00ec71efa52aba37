"""The command that would do what the screen is about to do."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class CommandLine(Static):
    """One line; it is copied by a key of the screen."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id, markup=False)
        self.command = ""

    def show(self, command: str) -> None:
        """Show this command."""
        self.command = command
        self.update(Content.assemble(("$ ", "$text-muted"), command))
