"""The picture under the cursor, with its facts and its caption."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, NamedTuple

from PIL import Image
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Click, Resize
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep.decisions import Decisions
from dataprep.images import BadImage
from tui.pictures import LOOKS, Drawing, Look, small
from tui.state import Row
from tui.widgets.chips import Chip, Chips
from tui.words import N_, _

REST = 0.08
"""Seconds between two moves of the cursor, below which the picture waits for it to rest."""
SLOW = 0.4
"""Seconds after which it is said that a picture is being decoded."""
KEPT = 12
"""So many decoded pictures are remembered."""
SAID = {
    "trained": "",
    "original": N_("the original"),
    "decisions": N_("the original with crop and mask"),
}
"""What is said beside a picture that is not as it will be trained on."""


class Wanted(NamedTuple):
    """A picture as it is to be decoded."""

    row: Row
    look: Look
    box: tuple[int, int]


class Canvas(Container):
    """The place of the picture; says when it has become another size."""

    class Resized(Message):
        """Draw anew."""

    def on_resize(self, event: Resize) -> None:
        """The words below it may have taken a line."""
        self.post_message(self.Resized())


class Preview(Vertical, can_focus=True):
    """Shows one picture; decoding happens in a thread, the next ones' in advance."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j,right,l,space", "step(1)", N_("Next"), show=False, id="preview.next"),
        Binding("up,k,left,h", "step(-1)", N_("Previous"), show=False, id="preview.previous"),
        Binding("enter", "leave", N_("Back to the list"), show=False, id="preview.leave"),
    ]

    class Decoded(Message):
        """A picture is ready to be drawn, or the reason why there is none."""

        def __init__(self, wanted: Wanted, found: Image.Image | str) -> None:
            super().__init__()
            self.wanted = wanted
            self.found = found

    class Idle(Message):
        """All that was wanted is decoded."""

    class Stepped(Message):
        """The next picture is wanted, or the one before."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Left(Message):
        """The list is wanted again, or, by a click on the picture, the picture large."""

    def __init__(self, drawing: Drawing, id: str) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._row: Row | None = None
        self._ahead: Sequence[Row] = ()
        self._instead = ""
        self._known: OrderedDict[Wanted, Image.Image | str] = OrderedDict()
        self._queue: list[Wanted] = []
        self._decoding = False
        self._moved = 0.0
        self._rest: Timer | None = None
        self._slow: Timer | None = None
        self.look: Look = "trained"
        self.drawn = ""
        """The name of the picture that is drawn, or of which it is said why it is not."""

    def compose(self) -> ComposeResult:
        """A place for the picture, above the words."""
        with Canvas(classes="canvas"):
            yield self._drawing.widget()
            yield Static(classes="reason", markup=False)
        yield Static(classes="facts", markup=False)
        with VerticalScroll(classes="words"):
            yield Chips(f"{self.id}-chips")

    def on_mount(self) -> None:
        """Leave the room to the words where no pictures are drawn."""
        self.set_class(not self._drawing.shows, "-words-only")

    def show(self, row: Row | None, ahead: Sequence[Row] = (), instead: str = "") -> None:
        """Show this picture, and decode those ``ahead``; ``instead`` is said where there is none.

        The first move is drawn at once, of many in quick succession the last.
        """
        self._row, self._ahead, self._instead = row, ahead, instead
        if self._rest is not None:
            self._rest.stop()
        now, before = time.monotonic(), self._moved
        self._moved = now
        if now - before > REST:
            self._draw_or_decode()
        else:
            self._rest = self.set_timer(REST, self._draw_or_decode)

    def tell(self, facts: Content, chips: Sequence[Chip]) -> None:
        """Say what is known of it."""
        self.query_one(".facts", Static).update(facts)
        self.query_one(Chips).show(chips)

    def next_look(self) -> Look:
        """As trained, as it is, with its decisions over it, and from the start."""
        self.look = LOOKS[(LOOKS.index(self.look) + 1) % len(LOOKS)]
        self._draw_or_decode()
        return self.look

    @on(Canvas.Resized)
    def _resized(self, event: Canvas.Resized) -> None:
        event.stop()
        self._draw_or_decode()

    def action_step(self, by: int) -> None:
        """Ask for a neighbour."""
        self.post_message(self.Stepped(by))

    def action_leave(self) -> None:
        """Ask for the list."""
        self.post_message(self.Left())

    def on_click(self, event: Click) -> None:
        """Show the picture large, and small again."""
        event.stop()
        self.post_message(self.Left())

    def _wanted(self, row: Row) -> Wanted | None:
        canvas = self.query_one(".canvas").content_size
        across, down = self._drawing.detail
        if not (canvas.width and canvas.height and self._drawing.shows):
            return None
        # its words and its verdict change nothing that is drawn
        decided = row.decisions
        seen = Decisions(crop=decided.crop, background=decided.background)
        row = replace(row, caption="", problem="", decisions=seen)
        return Wanted(row, self.look, (canvas.width * across, canvas.height * down))

    def _draw_or_decode(self) -> None:
        if not self.is_attached:
            return
        if self._row is None or self._row.picture.reason:
            self._draw(self._row.problem if self._row else self._instead)
            return
        wanted = self._wanted(self._row)
        if wanted is None:
            self.drawn = self._row.name
            return
        if wanted in self._known:
            self._draw(self._known[wanted])
        elif self._slow is None:
            self._slow = self.set_timer(SLOW, self._say_slow)
        self._decode(wanted)

    def _decode(self, first: Wanted) -> None:
        """Decode this one and those ahead, as far as they are not known."""
        ahead = (self._wanted(row) for row in self._ahead if not row.picture.reason)
        every = [first, *(wanted for wanted in ahead if wanted is not None)]
        self._queue = [wanted for wanted in every if wanted not in self._known]
        if self._queue and not self._decoding:
            self._decoding = True
            self._work()

    @work(thread=True, exit_on_error=False)
    def _work(self) -> None:
        worker = get_current_worker()
        # the list is another one as soon as the cursor has moved
        while not worker.is_cancelled and (queue := self._queue):
            wanted = queue.pop(0)
            found: Image.Image | str
            try:
                found = small(wanted.row, wanted.box, look=wanted.look)
            except BadImage as error:
                found = error.message
            self.post_message(self.Decoded(wanted, found))
        self.post_message(self.Idle())

    @on(Idle)
    def _idle(self, event: Idle) -> None:
        event.stop()
        self._decoding = False
        if self._queue and self._row is not None:
            self._draw_or_decode()

    @on(Decoded)
    def _decoded(self, event: Decoded) -> None:
        event.stop()
        self._known[event.wanted] = event.found
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        # the cursor may have moved on while the picture was decoded
        if self._row is not None and event.wanted == self._wanted(self._row):
            self._draw(event.found)

    def _say_slow(self) -> None:
        self._slow = None
        if self._row is not None and self._wanted(self._row) not in self._known:
            self._draw("…")

    def _draw(self, found: Image.Image | str) -> None:
        if self._slow is not None:
            self._slow.stop()
            self._slow = None
        canvas = self.query_one(".canvas")
        picture, reason = canvas.children[0], self.query_one(".reason", Static)
        picture.display = not isinstance(found, str)
        reason.display = isinstance(found, str)
        if isinstance(found, str):
            reason.update(Content(found))
        else:
            size = canvas.content_size
            width, height = self._drawing.fit(found, size.width, size.height)
            picture.styles.width, picture.styles.height = width, height
            picture.image = found  # type: ignore[attr-defined]
        self.drawn = self._row.name if self._row else ""


def facts_of(row: Row, look: Look) -> list[Content | tuple[str, str] | str]:
    """What is known of a picture's file and of what was decided, in parts."""
    picture, crop, background = row.picture, row.decisions.crop, row.decisions.background
    parts: list[Content | tuple[str, str] | str] = []
    if picture.width:
        parts.append(f"{picture.width}×{picture.height} {picture.format}")
    if crop is not None:
        parts.append(f" → {crop.width}×{crop.height}")
    if background is not None:
        parts.append(" " + _("on {composite}").format(composite=background.composite))
    if SAID[look]:
        parts.append((f"\n{_(SAID[look])}", "$text-accent"))
    return parts
