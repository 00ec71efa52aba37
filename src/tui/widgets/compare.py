"""A picture before and after its background is replaced, its mask, or both beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal, get_args

from PIL import Image
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep import masks
from dataprep.images import BadImage, decode
from dataprep.render import render_mask
from tui.pictures import Drawing, small
from tui.state import Row
from tui.words import N_, _

View = Literal["after", "before", "mask", "beside"]
VIEWS: tuple[View, ...] = get_args(View)
TITLES: dict[View, str] = {
    "after": N_("after"),
    "before": N_("before"),
    "mask": N_("mask"),
    "beside": N_("before and after"),
}
REST = 0.06
"""Seconds without a further change after which a picture is made."""


class Compare(Vertical):
    """Shows one picture as its background decision says; it is made in a thread."""

    BINDINGS: ClassVar[list[BindingType]] = []

    class Clicked(Message):
        """The picture was clicked."""

    class Made(Message):
        """The pictures of a view are ready, or the reason why there are none."""

        def __init__(
            self, asked: object, images: tuple[Image.Image, ...], share: float | None, reason: str
        ) -> None:
            super().__init__()
            self.asked = asked
            self.images = images
            self.share = share
            self.reason = reason

    class Measured(Message):
        """The mask, worked on as decided, covers this share of the picture."""

        def __init__(self, name: str, share: float) -> None:
            super().__init__()
            self.name = name
            self.share = share

    def __init__(self, drawing: Drawing, id: str) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._row: Row | None = None
        self._said = Content("")
        self._share: float | None = None
        self._rest: Timer | None = None
        self._asked: object = None
        self._images: tuple[Image.Image, ...] = ()
        self.view: View = "after"
        """What is shown."""

    def compose(self) -> ComposeResult:
        """Places for two pictures, above the words."""
        with Horizontal(classes="canvas"):
            yield self._drawing.widget()
            yield self._drawing.widget()
            yield Static(classes="reason", markup=False)
        yield Static(classes="facts")

    @property
    def images(self) -> tuple[Image.Image, ...]:
        """The pictures that are on the screen."""
        return self._images

    @property
    def share(self) -> float | None:
        """How much of the picture its mask covers, 0..1; None: there is no mask, or not yet."""
        return self._share

    def show(self, row: Row | None, said: Content) -> None:
        """Show a picture with these decisions; ``said`` is a line about it."""
        if self._row is None or row is None or row.name != self._row.name:
            self._share = None
        self._row, self._said = row, said
        self._make_soon()

    def forget(self) -> None:
        """Make the picture anew, though all that is known of it is the same: its mask is not."""
        self._asked = None
        self._make_soon()

    def look(self, view: View) -> None:
        """Show it in another way."""
        self.view = view
        self._make_soon()

    def on_resize(self, event: Resize) -> None:
        """Draw in the new size."""
        self._make_soon()

    def on_click(self, event: Click) -> None:
        """Let the room decide what a click means."""
        self.post_message(self.Clicked())

    def _make_soon(self) -> None:
        self._say()
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._make_now)

    def _make_now(self) -> None:
        row = self._row
        if row is None:
            self._show((), "")
            return
        size = self.query_one(".canvas").content_size
        across, down = self._drawing.detail
        parts = 2 if self.view == "beside" else 1
        box = ((size.width - parts + 1) // parts * across, size.height * down)
        if not self._drawing.shows:
            self._show((), _("pictures are turned off"))
        elif min(box) > 0:
            asked = (row.picture.sha, row.decisions, row.mask, box, self.view)
            if asked != self._asked:
                self._asked = asked
                self._make(row, box, self.view, asked)

    @work(thread=True, exclusive=True, group="compare", exit_on_error=False)
    def _make(self, row: Row, box: tuple[int, int], view: View, asked: object) -> None:
        worker = get_current_worker()
        try:
            answer = self.Made(asked, views_of(row, box, view), _share_of(row), "")
        except BadImage as error:
            answer = self.Made(asked, (), None, error.message)
        if not worker.is_cancelled:
            self.post_message(answer)

    @on(Made)
    def _made(self, event: Made) -> None:
        event.stop()
        # the cursor may have moved on while the picture was made
        if event.asked != self._asked or self._row is None:
            return
        self._share = event.share
        self._show(event.images, event.reason)
        self._say()
        if event.share is not None:
            self.post_message(self.Measured(self._row.name, event.share))

    def _show(self, images: tuple[Image.Image, ...], reason: str) -> None:
        self._images = images
        canvas = self.query_one(".canvas")
        first, second, said = canvas.children
        said.display = not images
        if not images:
            self.query_one(".reason", Static).update(Content(reason))
        size = canvas.content_size
        for place, widget in enumerate((first, second)):
            widget.display = place < len(images)
            if widget.display:
                room = (size.width - len(images) + 1) // len(images)
                across, down = self._drawing.fit(images[place], room, size.height)
                widget.styles.width, widget.styles.height = across, down
                # a gap between the two
                widget.styles.margin = (0, 0, 0, place)
                widget.image = images[place]  # type: ignore[attr-defined]

    def _say(self) -> None:
        row = self._row
        if row is None:
            self.query_one(".facts", Static).update("", layout=False)
            return
        line = [(_(TITLES[self.view]), "bold")]
        if self._share is not None:
            line.append((_("subject {share:.0%}").format(share=self._share), ""))
            if is_doubtful(self._share):
                line.append((_doubt(self._share), "$text-warning"))
        drawn = Content("  ").join(Content.styled(text, style) for text, style in line)
        facts = Content.assemble((row.name, "bold"), "\n", drawn, "\n", self._said)
        # its size is fixed: the screen need not be laid out anew at every key
        self.query_one(".facts", Static).update(facts, layout=False)


def views_of(row: Row, box: tuple[int, int], view: View) -> tuple[Image.Image, ...]:
    """The pictures of a view inside ``box`` (pixels). Raises ``BadImage``."""
    if view == "mask":
        return (_mask(row, box),)
    plain = replace(row, decisions=replace(row.decisions, background=None))
    rows = {"before": (plain,), "after": (row,), "beside": (plain, row)}[view]
    return tuple(small(one, box, original=False) for one in rows)


def is_doubtful(share: float) -> bool:
    """Whether a mask that covers so much has most likely missed the subject."""
    return not masks.LEAST < share < masks.MOST


def _doubt(share: float) -> str:
    return _("no subject?") if share <= masks.LEAST else _("all of it?")


def _mask(row: Row, box: tuple[int, int]) -> Image.Image:
    background, crop = row.decisions.background, row.decisions.crop
    if background is None or row.mask is None:
        raise BadImage(_("there is no mask"))
    mask = decode(row.mask).convert("L")
    drawn = render_mask(row.picture.frame, crop, background, mask)
    drawn.thumbnail(box)
    return drawn.convert("RGB")


def _share_of(row: Row) -> float | None:
    if row.decisions.background is None or row.mask is None:
        return None
    return masks.coverage(row.mask, row.decisions.background)
