"""A picture with the box that is cut out of it, moved and sized by keys and mouse."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from PIL import Image, ImageDraw
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp, MouseUp, Resize
from textual.message import Message
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from dataprep import boxes
from dataprep.buckets import Bucket
from dataprep.decisions import Box, Crop
from dataprep.focus.cut import enlargement, lost
from dataprep.focus.hand import BY_HAND
from dataprep.focus.summary import NOTICED
from dataprep.images import BadImage
from tui.pictures import Drawing, small
from tui.state import Row
from tui.words import N_, _

REST = 0.08
"""Seconds the cursor must rest before a picture is decoded."""
DIMMED = 0.35
"""How bright the part is that is cut away."""
LINE, LINE_BY_HAND = (255, 255, 255), (255, 210, 60)
"""Colours of the box's edge: of one that a run would place, and of one set by hand."""
MODES = {
    "centre": N_("from the middle"),
    "face": N_("by the face"),
    "saliency": N_("by what is lively"),
    "foreground": N_("by the subject"),
    BY_HAND: N_("by hand"),
}


class BoxView(Vertical, can_focus=True):
    """Shows the original of a picture; what is cut away is dimmed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", N_("Move the box left"), show=False, id="box.left"),
        Binding("down,j", "move(0, 1)", N_("Move the box down"), show=False, id="box.down"),
        Binding("up,k", "move(0, -1)", N_("Move the box up"), show=False, id="box.up"),
        Binding("right,l", "move(1, 0)", N_("Move the box right"), show=False, id="box.right"),
        Binding(
            "plus,equals_sign,shift+up,shift+right",
            "size(1)",
            N_("Larger"),
            key_display="+",
            id="box.larger",
        ),
        Binding(
            "minus,shift+down,shift+left",
            "size(-1)",
            N_("Smaller"),
            key_display="-",
            id="box.smaller",
        ),
        Binding("b", "bucket(1)", N_("Next shape"), id="box.bucket"),
        Binding("v", "bucket(-1)", N_("Previous shape"), show=False, id="box.bucket_back"),
        Binding("c", "centre", N_("To the middle"), show=False, id="box.centre"),
        Binding("w", "widest", N_("As large as can be"), show=False, id="box.widest"),
        Binding("f", "fine", N_("Fine steps or large ones"), show=False, id="box.fine"),
        Binding("enter", "leave", N_("Done"), key_display="⏎", id="box.done"),
    ]

    class Changed(Message):
        """The person gave the picture another crop."""

        def __init__(self, name: str, crop: Crop) -> None:
            super().__init__()
            self.name = name
            self.crop = crop

    class Left(Message):
        """The person is done with this picture."""

    class Decoded(Message):
        """The original is ready to be drawn, or the reason why there is none."""

        def __init__(self, key: tuple[str, ...], image: Image.Image | None, reason: str) -> None:
            super().__init__()
            self.key = key
            self.image = image
            self.reason = reason

    def __init__(self, drawing: Drawing, id: str) -> None:
        super().__init__(id=id)
        self._drawing = drawing
        self._row: Row | None = None
        self._crop: Crop | None = None
        self._sizes: Sequence[Bucket] = ()
        self._asked: Box | None = None
        """What the person last made, before it was brought to other shapes."""
        self._enlarges = True
        self._fine = False
        self._original: Image.Image | None = None
        self._key: tuple[str, ...] = ()
        """Of which picture and size the original was decoded."""
        self._rest: Timer | None = None
        self._held: tuple[int, int] | None = None
        """Where the mouse holds the box."""

    def compose(self) -> ComposeResult:
        """A place for the picture, above the words."""
        with Container(classes="canvas"):
            yield self._drawing.widget()
            yield Static(classes="reason", markup=False)
        yield Static(classes="facts")

    @property
    def crop(self) -> Crop | None:
        """The crop that is drawn; None: the whole picture."""
        return self._crop

    def show(
        self, row: Row | None, crop: Crop | None, sizes: Sequence[Bucket], *, enlarges: bool
    ) -> None:
        """Show a picture and its crop; ``sizes`` are the shapes there are for it.

        Unless it ``enlarges``, a box cannot be made smaller than what it is rendered at.
        """
        if row is None or self._row is None or row.name != self._row.name or crop != self._crop:
            self._asked = None
        self._row, self._crop, self._sizes, self._enlarges = row, crop, sizes, enlarges
        self._draw()

    def on_resize(self, event: Resize) -> None:
        """Draw in the new size."""
        self._draw()

    # what the keys do

    def action_move(self, across: int, down: int) -> None:
        """Move the box by a step."""
        if self._row is not None and self._crop is not None:
            step = boxes.step_of(self._whole, fine=self._fine)
            self._change(boxes.moved(self._whole, self._crop.box, across * step, down * step))

    def action_size(self, by: int) -> None:
        """Make the box larger or smaller, about its middle."""
        if self._row is None or self._crop is None:
            return
        shape = (self._crop.width, self._crop.height)
        step = boxes.step_of(self._whole, fine=self._fine)
        least = boxes.SHORTEST if self._enlarges else min(shape)
        self._change(boxes.sized(self._whole, self._crop.box, shape, by * step, least))

    def action_bucket(self, by: int) -> None:
        """Give the box the next shape of those there are."""
        if self._crop is None or len(self._sizes) < 2:
            self.notify(_("there is only one shape; B turns the buckets on"), markup=False)
            return
        now = (self._crop.width, self._crop.height)
        sizes = sorted({*self._sizes, now}, key=lambda size: (size[0] / size[1], size))
        size = sizes[(sizes.index(now) + by) % len(sizes)]
        # from what was asked for: a box must not wear away while one goes through the shapes
        asked = self._asked or self._crop.box
        crop = replace(self._crop, width=size[0], height=size[1], mode=BY_HAND)
        self._put(replace(crop, box=boxes.brought_to(self._whole, asked, size)))
        self._asked = asked

    def action_centre(self) -> None:
        """Put the box into the middle of the picture."""
        if self._crop is not None:
            self._change(boxes.in_the_middle(self._whole, self._crop.box))

    def action_widest(self) -> None:
        """Make the box as large as the picture has room for it."""
        if self._crop is not None:
            shape = (self._crop.width, self._crop.height)
            self._change(boxes.widest(self._whole, self._crop.box, shape))

    def action_fine(self) -> None:
        """Switch between steps of a pixel and larger ones."""
        self._fine = not self._fine
        self._say()

    def action_leave(self) -> None:
        """Say that this picture is done."""
        self.post_message(self.Left())

    # what the mouse does

    def on_mouse_down(self, event: MouseDown) -> None:
        """Hold the box; where it is not, bring it there first."""
        point = self._point(event)
        if point is None or self._crop is None:
            return
        left, top, right, bottom = self._crop.box
        if not (left <= point[0] < right and top <= point[1] < bottom):
            self._change(boxes.lying_over(self._whole, self._crop.box, point))
        self._held = point
        self.capture_mouse()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Drag the box."""
        point = self._point(event)
        if self._held is None or point is None or self._crop is None:
            return
        before = self._crop.box
        across, down = point[0] - self._held[0], point[1] - self._held[1]
        self._change(boxes.moved(self._whole, before, across, down))
        self._held = point

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let go."""
        self._held = None
        self.release_mouse()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Make the box larger."""
        event.stop()
        self.action_size(1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Make the box smaller."""
        event.stop()
        self.action_size(-1)

    def _point(self, event: MouseDown | MouseMove) -> tuple[int, int] | None:
        """Where in the picture the mouse is."""
        region = self._picture.region
        if self._row is None or not region.area or not self._picture.display:
            return None
        across = (event.screen_x - region.x + 0.5) / region.width
        down = (event.screen_y - region.y + 0.5) / region.height
        if self._held is None and not (0 <= across <= 1 and 0 <= down <= 1):
            return None
        return round(across * self._whole[0]), round(down * self._whole[1])

    # the box

    @property
    def _whole(self) -> tuple[int, int]:
        assert self._row is not None
        return self._row.picture.width, self._row.picture.height

    def _change(self, box: Box) -> None:
        if self._crop is not None and box != self._crop.box:
            self._put(replace(self._crop, box=box, mode=BY_HAND))
            self._asked = box

    def _put(self, crop: Crop) -> None:
        assert self._row is not None
        self._crop = crop
        self._draw()
        self.post_message(self.Changed(self._row.name, crop))

    # drawing

    @property
    def _canvas(self) -> Widget:
        return self.query_one(".canvas")

    @property
    def _picture(self) -> Widget:
        return self._canvas.children[0]

    def _draw(self) -> None:
        if not self.is_mounted:
            return
        self._say()
        if self._row is None or self._row.picture.reason:
            self._show(None, self._row.picture.reason if self._row else "")
            return
        if not self._drawing.shows:
            self._show(None, _in_words(self._crop))
            return
        size = self._canvas.content_size
        across, down = self._drawing.detail
        if not size.width or not size.height:
            return
        key = (self._row.picture.sha, str(size.width * across), str(size.height * down))
        if key != self._key:
            self._key = key
            self._original = None
            self._decode_soon()
        elif self._original is not None:
            self._show(self._outlined(self._original))

    def _say(self) -> None:
        facts = _facts(self._row, self._crop, fine=self._fine)
        # its size is fixed: the screen need not be laid out anew at every key
        self.query_one(".facts", Static).update(facts, layout=False)

    def _show(self, image: Image.Image | None, reason: str = "") -> None:
        picture, said = self._picture, self.query_one(".reason", Static)
        picture.display, said.display = image is not None, image is None
        if image is None:
            said.update(Content(reason))
        else:
            size = self._canvas.content_size
            across, down = self._drawing.fit(image, size.width, size.height)
            picture.styles.width, picture.styles.height = across, down
            picture.image = image  # type: ignore[attr-defined]

    def _outlined(self, original: Image.Image) -> Image.Image:
        if self._crop is None:
            return original
        left, top, right, bottom = boxes.onto(self._crop.box, self._whole, original.size)
        drawn = original.point(lambda level: int(level * DIMMED))
        drawn.paste(original.crop((left, top, right, bottom)), (left, top))
        line = LINE_BY_HAND if self._crop.mode == BY_HAND else LINE
        # as wide as what the terminal can show at all
        width = max(1, self._drawing.detail[0] // 5, min(2, self._drawing.detail[0]))
        edge = (left, top, right - 1, bottom - 1)
        ImageDraw.Draw(drawn).rectangle(edge, outline=line, width=width)
        return drawn

    def _decode_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._decode_now)

    def _decode_now(self) -> None:
        if self._row is not None and self._key:
            self._decode(self._row, self._key)

    @work(thread=True, exclusive=True, group="box", exit_on_error=False)
    def _decode(self, row: Row, key: tuple[str, ...]) -> None:
        worker = get_current_worker()
        try:
            image = small(row, (int(key[1]), int(key[2])), original=True)
            answer = self.Decoded(key, image.convert("RGB"), "")
        except BadImage as error:
            answer = self.Decoded(key, None, error.message)
        if not worker.is_cancelled:
            self.post_message(answer)

    @on(Decoded)
    def _decoded(self, event: Decoded) -> None:
        event.stop()
        # the cursor may have moved on while the picture was decoded
        if event.key == self._key:
            self._original = event.image
            self._show(self._outlined(event.image) if event.image else None, event.reason)


def _in_words(crop: Crop | None) -> str:
    """Where the box lies, for a terminal that shows no pictures."""
    if crop is None:
        return _("the whole picture")
    left, top, right, bottom = crop.box
    return _("from {left},{top} to {right},{bottom}").format(
        left=left, top=top, right=right, bottom=bottom
    )


def _facts(row: Row | None, crop: Crop | None, *, fine: bool) -> Content:
    if row is None:
        return Content("")
    picture = row.picture
    size = f"{picture.width}×{picture.height}" if picture.width else ""
    if crop is None:
        return Content.assemble((row.name, "bold"), "\n", (size, "$text-muted"), "\n")
    cut = f"{size} → {crop.width}×{crop.height}"
    parts = [(_("−{share:.0%}").format(share=lost(picture, crop)), "")]
    factor = enlargement(crop)
    if factor > NOTICED:
        parts.append((_("enlarged {factor:.2f}×").format(factor=factor), "$text-warning"))
    if fine:
        parts.append((_("fine"), "$text-accent"))
    parts.append((_(MODES.get(crop.mode, crop.mode)), "$text-muted"))
    said = Content("  ").join(Content.styled(text, style) for text, style in parts)
    return Content.assemble((row.name, "bold"), "\n", cut, "\n", said)
