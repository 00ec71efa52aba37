"""One picture, as large as the terminal allows."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from PIL import Image
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from dataprep.images import BadImage, decode
from tui.pictures import Drawing
from tui.words import N_

EDGE = (6, 6)
"""Columns and lines that the frame and the words take."""


class LargeScreen(ModalScreen[None]):
    """Shows a picture file and some words; any of its keys closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q,space", "dismiss", N_("Back"), id="large.leave"),
    ]

    class _Decoded(Message):
        def __init__(self, image: Image.Image | None, reason: str) -> None:
            super().__init__()
            self.image = image
            self.reason = reason

    def __init__(self, drawing: Drawing, path: Path, words: Content) -> None:
        super().__init__()
        self._drawing = drawing
        self._path = path
        self._words = words

    def compose(self) -> ComposeResult:
        """The picture above the words."""
        with Vertical(id="large", classes="dialog"):
            with Container(id="large-canvas"):
                yield self._drawing.widget()
            yield Static(self._words, id="large-words")

    def on_mount(self) -> None:
        """Decode behind the screen."""
        self._decode()

    @work(thread=True, exit_on_error=False)
    def _decode(self) -> None:
        try:
            self.post_message(self._Decoded(decode(self._path), ""))
        except (BadImage, OSError) as error:
            self.post_message(self._Decoded(None, str(error)))

    @on(_Decoded)
    def _decoded(self, event: _Decoded) -> None:
        picture = self.query_one("#large-canvas").children[0]
        if event.image is None:
            self.query_one("#large-words", Static).update(Content(event.reason))
            picture.display = False
            return
        width, height = self.app.size.width - EDGE[0], self.app.size.height - EDGE[1]
        picture.styles.width, picture.styles.height = self._drawing.fit(event.image, width, height)
        picture.image = event.image  # type: ignore[attr-defined]
