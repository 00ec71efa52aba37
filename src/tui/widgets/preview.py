"""The picture under the cursor, with its facts and its caption."""

from __future__ import annotations

from PIL import Image
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep.images import BadImage
from tui.pictures import Drawing, small
from tui.state import Row

REST = 0.08
"""Seconds the cursor must rest before a picture is decoded."""


class Preview(Vertical):
    """Shows one picture; decoding happens in a thread."""

    class Decoded(Message):
        """A picture is ready to be drawn, or the reason why there is none."""

        def __init__(self, name: str, image: Image.Image | None, reason: str = "") -> None:
            super().__init__()
            self.name = name
            self.image = image
            self.reason = reason

    def __init__(self, drawing: Drawing, id: str) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._row: Row | None = None
        self._rest: Timer | None = None
        self.original = False
        """Show the file as it is, not as it will be trained on."""

    def compose(self) -> ComposeResult:
        """A place for the picture, above the words."""
        with Container(id="canvas"):
            yield self._drawing.widget()
            yield Static(id="reason", markup=False)
        yield Static(id="facts", markup=False)
        yield Static(id="caption", markup=False)

    def show(self, row: Row | None) -> None:
        """Show this picture once the cursor rests on it."""
        self._row = row
        self.query_one("#facts", Static).update(_facts(row, self.original))
        self.query_one("#caption", Static).update(Content(row.caption if row else ""))
        self._decode_soon()

    def toggle_original(self) -> None:
        """Switch between the file as it is and as it will be trained on."""
        self.original = not self.original
        self.show(self._row)

    def on_resize(self, event: Resize) -> None:
        """Draw in the new size."""
        if self._row is not None:
            self._decode_soon()

    def _decode_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._decode_now)

    def _decode_now(self) -> None:
        if self._row is None:
            self._draw(None, "")
            return
        canvas = self.query_one("#canvas").content_size
        across, down = self._drawing.detail
        if canvas.width and canvas.height:
            self._decode(self._row, (canvas.width * across, canvas.height * down), self.original)

    @work(thread=True, exclusive=True, group="preview", exit_on_error=False)
    def _decode(self, row: Row, box: tuple[int, int], original: bool) -> None:
        worker = get_current_worker()
        try:
            answer = self.Decoded(row.name, small(row, box, original=original))
        except BadImage as error:
            answer = self.Decoded(row.name, None, error.message)
        if not worker.is_cancelled:
            self.post_message(answer)

    @on(Decoded)
    def _decoded(self, event: Decoded) -> None:
        event.stop()
        # the cursor may have moved on while the picture was decoded
        if self._row is not None and event.name == self._row.name:
            self._draw(event.image, event.reason)

    def _draw(self, image: Image.Image | None, reason: str) -> None:
        canvas = self.query_one("#canvas")
        picture = canvas.children[0]
        picture.display = image is not None
        said = self.query_one("#reason", Static)
        said.display = image is None
        said.update(Content(reason))
        if image is not None:
            size = canvas.content_size
            picture.styles.width, picture.styles.height = self._drawing.fit(
                image, size.width, size.height
            )
            picture.image = image  # type: ignore[attr-defined]


def _facts(row: Row | None, original: bool) -> Content:
    if row is None:
        return Content("")
    picture, crop = row.picture, row.decisions.crop
    parts = [f"{picture.width}×{picture.height} {picture.format}"] if picture.width else []
    if crop is not None:
        parts.append(f"→ {crop.width}×{crop.height}")
    if row.decisions.background is not None:
        parts.append(f"on {row.decisions.background.composite}")
    if original:
        parts.append("(as it is)")
    return Content.assemble((row.name, "bold"), "\n", " ".join(parts))
