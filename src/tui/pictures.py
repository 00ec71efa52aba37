"""Pictures on a terminal: which widget draws them, and small ones to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from PIL import Image
from textual.widget import Widget

from tui.prefs import Show
from tui.state import Row

Look = Literal["trained", "original", "decisions"]
"""A picture as it will be trained on, as it is, or as it is with its decisions drawn over it."""
LOOKS: tuple[Look, ...] = get_args(Look)
PLAIN_CELL = (10, 20)
"""Of a terminal that does not say."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How this terminal shows pictures."""

    widget: Callable[[], Widget]
    """A widget whose ``image`` takes a Pillow image."""
    cell: tuple[int, int]
    """Width and height of a cell in the terminal's pixels."""
    detail: tuple[int, int]
    """Pixels across and down a cell that can be told apart; more are not worth decoding."""
    shows: bool = True
    """False where pictures are only described."""

    def fit(self, image: Image.Image, width: int, height: int) -> tuple[int, int]:
        """Columns and lines of the picture when it fills a box of that many of each."""
        cell_width, cell_height = self.cell
        scale = min(width * cell_width / image.width, height * cell_height / image.height)
        columns = round(image.width * scale / cell_width)
        lines = round(image.height * scale / cell_height)
        return max(1, min(columns, width)), max(1, min(lines, height))


def drawing(mode: Show) -> Drawing:
    """How pictures are drawn, as the person wants it or, by "auto", as the terminal can.

    Call this before the app runs: the terminal is asked, and from then on the answers go to the
    app.
    """
    from tui.widgets.halfcells import HalfCells

    if mode == "off":
        return Drawing(HalfCells, PLAIN_CELL, (1, 2), shows=False)
    from textual_image._terminal import get_cell_size

    size = get_cell_size()
    cell = (size.width, size.height)
    widget = None if mode == "halfcell" else _graphics(mode)
    # two coloured halves a cell, and as much again for smooth edges
    return Drawing(widget, cell, cell) if widget else Drawing(HalfCells, cell, (2, 4))


def _graphics(mode: Show) -> type[Widget] | None:
    """The widget for a way of drawing; None where the terminal is asked and can do no better."""
    from textual_image import renderable, widget

    ways: dict[object, type[Widget]] = {
        "kitty": widget.TGPImage,
        "sixel": widget.SixelImage,
        renderable.TGPImage: widget.TGPImage,
        renderable.SixelImage: widget.SixelImage,
    }
    return ways.get(renderable.Image if mode == "auto" else mode)


def small(
    row: Row, box: tuple[int, int], *, original: bool = False, look: Look = "trained"
) -> Image.Image:
    """A picture in RGB inside ``box`` (width, height, pixels); ``original`` is a look, too.

    Raises ``BadImage``.
    """
    # with them comes numpy, for which the first frame must not wait
    from dataprep.images import BadImage, decode
    from dataprep.overlay import GREY, overlaid
    from dataprep.render import flatten, framed, render

    if row.picture.reason:
        raise BadImage(row.picture.reason)
    look = "original" if original else look
    crop = row.decisions.crop if look == "trained" else None
    full = (row.picture.width, row.picture.height)
    shown = (crop.width, crop.height) if crop else full
    scale = min(1.0, box[0] / shown[0], box[1] / shown[1])
    if crop:
        crop = replace(crop, width=_scaled(crop.width, scale), height=_scaled(crop.height, scale))
        scale *= shown[0] / (crop.box[2] - crop.box[0])
    frame = row.picture.frame
    image = decode(row.path, (_scaled(frame.whole[0], scale), _scaled(frame.whole[1], scale)))
    background, mask = row.decisions.background, None
    if look != "original" and row.mask is not None and row.mask.is_file():
        mask = decode(row.mask).convert("L")
    if look == "trained":
        image = render(image, frame, crop, background, mask)
    else:
        image = framed(image, frame)
    image.thumbnail(box)
    if look == "decisions":
        image = overlaid(image, frame, row.decisions.crop, background, mask)
    return flatten(image, GREY)


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))
