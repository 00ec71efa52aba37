"""From an original and its decisions to pixels: one cut, one resample, one composite."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageColor

from dataprep.decisions import ALPHA, Background, Crop
from dataprep.images import decode

WHITE = (255, 255, 255)
DRAFT_MARGIN = 2
"""A JPEG is decoded at a fraction only while it stays this many times larger than needed."""


def render(
    image: Image.Image,
    full_size: tuple[int, int],
    crop: Crop | None,
    background: Background | None,
    mask: Image.Image | None,
) -> Image.Image:
    """The picture as it will be trained on.

    ``image`` is the upright original in RGB or RGBA, perhaps decoded at a fraction of
    ``full_size`` (width, height in pixels, in which the crop's box is given). ``mask`` is the
    foreground, "L", of any size with the same aspect. Returns "RGBA" when the composite is
    alpha, else "RGB"; transparency of an original without a background decision falls on white.
    """
    cut = _cut(image, full_size, crop)
    if background is not None and mask is not None:
        foreground = _cut(mask, full_size, crop, cut.size)
        return _composite(cut, foreground, background.composite)
    return flatten(cut)


def needed_size(full_size: tuple[int, int], crop: Crop | None) -> tuple[int, int] | None:
    """How large the original must at least be decoded for this crop; None: whole."""
    if crop is None:
        return None
    left, top, right, bottom = crop.box
    scale = DRAFT_MARGIN * max(crop.width / (right - left), crop.height / (bottom - top))
    if scale >= 1:
        return None
    return round(full_size[0] * scale), round(full_size[1] * scale)


def render_file(
    path: Path,
    full_size: tuple[int, int],
    crop: Crop | None,
    background: Background | None,
    mask: Image.Image | None,
) -> Image.Image:
    """Decode a file as far as needed and render it. Raises ``BadImage``."""
    image = decode(path, needed_size(full_size, crop))
    return render(image, full_size, crop, background, mask)


def _cut(
    image: Image.Image,
    full_size: tuple[int, int],
    crop: Crop | None,
    size: tuple[int, int] | None = None,
) -> Image.Image:
    """Cut and resample in one pass; without a crop only to ``size``, if one is given."""
    if crop is None:
        return image if size in (None, image.size) else image.resize(size, Image.Resampling.LANCZOS)
    across, down = image.width / full_size[0], image.height / full_size[1]
    left, top, right, bottom = crop.box
    box = (left * across, top * down, right * across, bottom * down)
    return image.resize((crop.width, crop.height), Image.Resampling.LANCZOS, box=box)


def _composite(image: Image.Image, foreground: Image.Image, composite: str) -> Image.Image:
    if image.mode == "RGBA":
        # what was transparent in the original stays outside the subject
        own = image.getchannel("A")
        black = Image.new("L", own.size, 0)
        foreground = Image.composite(foreground, black, own)
        image = image.convert("RGB")
    cut_out = image.copy()
    cut_out.putalpha(foreground)
    return cut_out if composite == ALPHA else flatten(cut_out, parse_colour(composite))


def flatten(image: Image.Image, colour: tuple[int, int, int] = WHITE) -> Image.Image:
    """A picture in RGB, its transparency laid on a colour."""
    if image.mode == "RGB":
        return image
    behind = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")


def parse_colour(text: str) -> tuple[int, int, int]:
    """ "#rrggbb" or a CSS colour name as RGB. Raises ``ValueError``."""
    return ImageColor.getrgb(text)[:3]
