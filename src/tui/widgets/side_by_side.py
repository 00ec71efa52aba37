"""Pictures beside each other, each with a few lines about it; one is pointed at, one may stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep.images import BadImage
from tui.pictures import Drawing, small
from tui.state import Row

REST = 0.06
"""Seconds the cursor must rest before pictures are decoded."""
LEAST = 18
"""Columns a picture needs at least."""
GREY, FAINT = (110, 110, 110), 0.65
"""What is left out is drawn with so much of this colour in it."""
MOST = 6
"""Pictures beside each other at most."""


@dataclass(frozen=True, slots=True)
class Face:
    """A picture to show and what is said of it."""

    row: Row
    title: str
    style: str
    """Of the title: a theme's colour."""
    facts: Content
    crossed: bool = False
    """It is, or would be, left out."""


class Canvas(Container):
    """The room there is for a picture."""

    class Sized(Message):
        """There is more of it now, or less."""

    def on_resize(self, event: Resize) -> None:
        """Tell it."""
        self.post_message(self.Sized())


class Frame(Vertical):
    """One picture with its words."""

    DEFAULT_CSS = """
    Frame {
        width: 1fr; height: 1fr; padding: 0 1 0 0; border-left: thick $background;
        & > .title { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .facts { height: auto; max-height: 4; text-wrap: nowrap; text-overflow: ellipsis; }
        & > .canvas { height: 1fr; align: left top; overflow: hidden; }
        & > .canvas > .reason { height: auto; color: $text-muted; }
        &.-pointed { border-left: thick $primary; }
    }
    """

    class Clicked(Message):
        """This picture was pointed at with the mouse."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, picture: Widget) -> None:
        super().__init__()
        # kept, for it is filled before they are mounted
        self._picture = picture
        self._title = Static(classes="title", markup=False)
        self._facts = Static(classes="facts", markup=False)
        self._reason = Static(classes="reason", markup=False)
        self._canvas = Canvas(self._picture, self._reason, classes="canvas")
        self.face: Face | None = None

    def compose(self) -> ComposeResult:
        """Title and facts above the picture: below a low one they would be far away."""
        yield self._title
        yield self._facts
        yield self._canvas

    def show(self, face: Face, *, pointed: bool) -> None:
        """Show another picture's words; its pixels follow."""
        if self.face is None or self.face.row.name != face.row.name:
            self._picture.display = False
            self._reason.update("")
        self.face = face
        self.set_class(pointed, "-pointed")
        self._title.update(Content.styled(face.title, face.style))
        self._facts.update(face.facts)

    @property
    def room(self) -> tuple[int, int]:
        """Columns and lines there are for the picture."""
        size = self._canvas.content_size
        return size.width, size.height

    @property
    def is_drawn(self) -> bool:
        """Whether the picture's pixels can be seen."""
        return self.display and self._picture.display

    def draw(self, drawing: Drawing, image: Image.Image | None, reason: str) -> None:
        """Show the pixels, or why there are none."""
        self._picture.display = image is not None
        self._reason.update(Content(reason))
        if image is not None:
            self._picture.styles.width, self._picture.styles.height = drawing.fit(image, *self.room)
            self._picture.image = image  # type: ignore[attr-defined]

    def on_click(self, event: Click) -> None:
        """Point at this picture."""
        if self.face is not None:
            event.stop()
            self.post_message(self.Clicked(self.face.row.name))


class SideBySide(Horizontal):
    """As many pictures as fit; the others are reached by pointing on."""

    DEFAULT_CSS = """
    SideBySide { height: 1fr; }
    """

    class Pointed(Message):
        """Another picture is pointed at."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Decoded(Message):
        """A picture is ready to be drawn, or the reason why there is none."""

        def __init__(self, name: str, image: Image.Image | None, reason: str) -> None:
            super().__init__()
            self.name = name
            self.image = image
            self.reason = reason

    def __init__(self, drawing: Drawing, id: str, *, most: int = MOST) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._most = most
        self._faces: Sequence[Face] = ()
        self._place = 0
        self._rest: Timer | None = None

    @property
    def pointed(self) -> str:
        """The name of the picture that is pointed at; "" when there is none."""
        return self._faces[self._place].row.name if self._faces else ""

    def show(self, faces: Sequence[Face], pointed: str = "") -> None:
        """Show these pictures; one that is pointed at stays so unless ``pointed`` says another."""
        name = pointed or self.pointed
        self._faces = faces
        places = [place for place, face in enumerate(faces) if face.row.name == name]
        self._place = places[0] if places else 0
        self._arrange()

    def point(self, by: int) -> None:
        """Point at the next picture to the right or left."""
        if self._faces:
            self._point_at((self._place + by) % len(self._faces))

    def on_resize(self, event: Resize) -> None:
        """Show as many as fit now."""
        self._arrange()

    def _fitting(self) -> int:
        fitting = max(1, self.content_size.width // LEAST)
        return max(1, min(fitting, self._most, len(self._faces)))

    def _window(self) -> Sequence[Face]:
        """The pictures on the screen: the first ones, or those around the one pointed at."""
        count = self._fitting()
        start = max(0, min(self._place - count + 2, len(self._faces) - count, self._place))
        return self._faces[start : start + count]

    def _arrange(self) -> None:
        if not self.is_attached or not self.content_size.width:
            return
        shown = self._window()
        frames = list(self.query(Frame))
        for _missing in range(len(shown) - len(frames)):
            frame = Frame(self._drawing.widget())
            frames.append(frame)
            self.mount(frame)
        for place, frame in enumerate(frames):
            frame.display = place < len(shown)
        # a frame that was just mounted has no parts before the next refresh
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        for frame, face in zip(self.query(Frame), self._window(), strict=False):
            frame.show(face, pointed=len(self._faces) > 1 and face.row.name == self.pointed)
        self._decode_soon()

    @on(Canvas.Sized)
    def _sized(self, event: Canvas.Sized) -> None:
        event.stop()
        self._decode_soon()

    def _decode_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._decode_now)

    def _decode_now(self) -> None:
        across, down = self._drawing.detail
        wanted = []
        for frame in self.query(Frame):
            width, height = frame.room
            if frame.display and frame.face is not None and width and height:
                wanted.append((frame.face, (width * across, height * down)))
        if wanted:
            self._decode(wanted)

    @work(thread=True, exclusive=True, group="side by side", exit_on_error=False)
    def _decode(self, wanted: list[tuple[Face, tuple[int, int]]]) -> None:
        worker = get_current_worker()
        for face, box in wanted:
            if worker.is_cancelled:
                return
            try:
                image = small(face.row, box, original=True)
                answer = self.Decoded(face.row.name, faint(image) if face.crossed else image, "")
            except BadImage as error:
                answer = self.Decoded(face.row.name, None, error.message)
            self.post_message(answer)

    @on(Decoded)
    def _decoded(self, event: Decoded) -> None:
        event.stop()
        # the cursor may have moved on while the picture was decoded
        for frame in self.query(Frame):
            if frame.display and frame.face is not None and frame.face.row.name == event.name:
                frame.draw(self._drawing, event.image, event.reason)

    @on(Frame.Clicked)
    def _clicked(self, event: Frame.Clicked) -> None:
        event.stop()
        names = [face.row.name for face in self._faces]
        if event.name in names:
            self._point_at(names.index(event.name))

    def _point_at(self, place: int) -> None:
        if place != self._place:
            self._place = place
            self._arrange()
            self.post_message(self.Pointed(self.pointed))


def faint(image: Image.Image) -> Image.Image:
    """The picture as it is drawn when it is left out, on a dark screen and on a light one."""
    plain = image.convert("RGB")
    return Image.blend(plain, Image.new("RGB", plain.size, GREY), FAINT)
