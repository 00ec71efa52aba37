"""A line in which paths are typed, completed, pasted and dropped."""

from __future__ import annotations

import asyncio
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Paste
from textual.suggester import Suggester
from textual.widgets import Input

from dataprep.paths import completed, line_of, typed
from tui.words import N_


class _Paths(Suggester):
    """Completes a path out of what lies on the disk now."""

    def __init__(self, files: bool) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._files = files

    async def get_suggestion(self, value: str) -> str | None:
        """The path that this may become."""
        # a folder on a sleeping disk must not hold up the screen
        return await asyncio.to_thread(completed, value, files=self._files)


class PathLine(Input):
    """Completes with tab or →; a dropped file arrives as its path."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", N_("Complete"), show=False, id="path.complete"),
    ]

    def __init__(self, id: str, *, files: bool, value: str = "", placeholder: str = "") -> None:
        """``files``: complete what can be imported too, not only folders."""
        super().__init__(
            value,
            placeholder=placeholder,
            compact=True,
            suggester=_Paths(files),
            select_on_focus=False,
            id=id,
        )

    @property
    def words(self) -> list[str]:
        """The paths and patterns in it."""
        return typed(self.value)

    def take(self, pasted: str) -> None:
        """Put dropped paths behind those that are there."""
        before = self.words
        new = [word for word in typed(pasted) if word not in before]
        if new:
            self.value = line_of([*before, *new])
            self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Take the completion; where there is none, go on to the next widget."""
        if self._suggestion and self.cursor_at_end:
            self.action_cursor_right()
        else:
            self.screen.focus_next()

    def _on_paste(self, event: Paste) -> None:
        event.stop()
        # Textual's own would put the text there as it is, quotes and all
        event.prevent_default()
        if len(self.value) in (0, len(self.selected_text)):
            self.value = ""
        self.take(event.text)
