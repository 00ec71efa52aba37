"""Pictures in coloured half cells, which every terminal can show."""

from __future__ import annotations

from functools import lru_cache

from PIL import Image
from rich.color import Color
from rich.color_triplet import ColorTriplet
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

UPPER_HALF = "▀"
PIXELS = 1 << 15
"""So many colours and pairs of them are remembered."""


class HalfCells(Widget):
    """Shows ``image``, which fills the widget."""

    def __init__(self) -> None:
        super().__init__()
        self._image: Image.Image | None = None
        self._strips: list[Strip] = []

    @property
    def image(self) -> Image.Image | None:
        """The picture."""
        return self._image

    @image.setter
    def image(self, image: Image.Image | None) -> None:
        self._image, self._strips = image, []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        width, height = self.size
        if self._image is None or not width or not height:
            return Strip.blank(width, self.rich_style)
        if len(self._strips) != height or self._strips[0].cell_length != width:
            self._strips = half_cells(self._image, width, height)
        return self._strips[y] if y < height else Strip.blank(width, self.rich_style)


def half_cells(image: Image.Image, width: int, height: int) -> list[Strip]:
    """A picture as ``height`` lines of ``width`` cells, two pixels a cell."""
    size = (width, 2 * height)
    small = image.convert("RGB")
    if small.size != size:
        small = small.resize(size, Image.Resampling.BOX if min(image.size) > 1 else None)
    data, row = small.tobytes(), 3 * width
    return [
        _line(data[y : y + row], data[y + row : y + 2 * row]) for y in range(0, len(data), 2 * row)
    ]


def _line(upper: bytes, lower: bytes) -> Strip:
    """Neighbours of one colour become one segment."""
    segments: list[Segment] = []
    start, width = 0, len(upper) // 3
    for place in range(1, width + 1):
        here, first = 3 * place, 3 * start
        if (
            place == width
            or upper[here : here + 3] != upper[first : first + 3]
            or lower[here : here + 3] != lower[first : first + 3]
        ):
            style = _style(upper[first : first + 3], lower[first : first + 3])
            segments.append(Segment(UPPER_HALF * (place - start), style))
            start = place
    return Strip(segments, width)


@lru_cache(maxsize=PIXELS)
def _style(upper: bytes, lower: bytes) -> Style:
    return Style.from_color(_colour(upper), _colour(lower))


@lru_cache(maxsize=PIXELS)
def _colour(pixel: bytes) -> Color:
    return Color.from_triplet(ColorTriplet(*pixel))
