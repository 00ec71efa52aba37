"""Pictures on a terminal: which widget draws them, and small ones to draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from PIL import Image
from textual.widget import Widget

from dataprep.images import BadImage, decode
from dataprep.render import framed, render
from tui.prefs import Show
from tui.state import Row

GREY = (128, 128, 128, 255)
"""What transparency is shown on."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """How this terminal shows pictures."""

    widget: Callable[[], Widget]
    """A widget whose ``image`` takes a Pillow image."""
    cell: tuple[int, int]
    """Width and height of a cell in the terminal's pixels."""
    detail: tuple[int, int]
    """Pixels across and down a cell that can be told apart; more are not worth decoding."""

    def fit(self, image: Image.Image, width: int, height: int) -> tuple[int, int]:
        """Columns and lines of the picture when it fills a box of that many of each."""
        cell_width, cell_height = self.cell
        scale = min(width * cell_width / image.width, height * cell_height / image.height)
        columns = round(image.width * scale / cell_width)
        lines = round(image.height * scale / cell_height)
        return max(1, min(columns, width)), max(1, min(lines, height))


def drawing(mode: Show) -> Drawing:
    """Ask the terminal what it can do.

    Call this before the app runs: from then on the answers go to the app.
    """
    from textual_image import renderable
    from textual_image._terminal import get_cell_size
    from textual_image.widget import HalfcellImage
    from textual_image.widget import Image as BestImage

    size = get_cell_size()
    cell = (size.width, size.height)
    coarse = renderable.Image in (renderable.HalfcellImage, renderable.UnicodeImage)
    if mode == "halfcell" or coarse:
        # two coloured halves a cell, and as much again for smooth edges
        return Drawing(HalfcellImage, cell, (2, 4))
    return Drawing(BestImage, cell, cell)


def small(row: Row, box: tuple[int, int], *, original: bool) -> Image.Image:
    """A picture, as it will be trained on or as it is, inside ``box`` (width, height, pixels).

    Raises ``BadImage``.
    """
    if row.picture.reason:
        raise BadImage(row.picture.reason)
    crop = None if original else row.decisions.crop
    full = (row.picture.width, row.picture.height)
    shown = (crop.width, crop.height) if crop else full
    scale = min(1.0, box[0] / shown[0], box[1] / shown[1])
    if crop:
        crop = replace(crop, width=_scaled(crop.width, scale), height=_scaled(crop.height, scale))
        scale *= shown[0] / (crop.box[2] - crop.box[0])
    frame = row.picture.frame
    image = decode(row.path, (_scaled(frame.whole[0], scale), _scaled(frame.whole[1], scale)))
    if original:
        image = framed(image, frame)
    else:
        background = row.decisions.background
        mask = row.mask if row.mask is not None and row.mask.is_file() else None
        foreground = decode(mask).convert("L") if mask else None
        image = render(image, frame, crop, background, foreground)
    image.thumbnail(box)
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, GREY), image).convert("RGB")


def _scaled(length: int, scale: float) -> int:
    return max(1, round(length * scale))
