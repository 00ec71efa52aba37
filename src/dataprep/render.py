"""From an original and its decisions to pixels: one cut, one resample, one composite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from dataprep import masks
from dataprep.compositing import composite
from dataprep.decisions import Background, Box, Crop, Frame
from dataprep.drafts import MARGIN, is_faithful
from dataprep.images import MAX_PIXELS, decode
from dataprep.resample import resample

Size = tuple[int, int]

WHITE = (255, 255, 255)


def render(
    image: Image.Image,
    frame: Frame,
    crop: Crop | None,
    background: Background | None,
    mask: Image.Image | None,
) -> Image.Image:
    """The picture as it will be trained on.

    ``image`` is the upright original in RGB or RGBA, perhaps decoded at a fraction of its size;
    ``frame`` says how large it is and which part of it the picture is, in which the crop's box is
    given. ``mask`` is the foreground, "L", of any size with the picture's aspect, or of a view's
    whole original. Returns "RGBA" when the composite is alpha, else "RGB"; transparency of an
    original without a background decision falls on white.
    """
    cut = _cut(image, frame, crop)
    if background is None or mask is None:
        return flatten(cut)
    foreground = _foreground(frame, crop, background, mask, cut.size)
    return composite(cut, foreground, background.composite)


def render_mask(
    frame: Frame,
    crop: Crop | None,
    background: Background,
    mask: Image.Image,
    size: Size | None = None,
) -> Image.Image:
    """The foreground as the render uses it: "L" of the render's size, 255 is subject.

    Without a crop it has the picture's ``size``, or this one. A picture's own transparency is not
    in it: that is in its pixels.
    """
    left, top, right, bottom = frame.box
    return _foreground(frame, crop, background, mask, size or (right - left, bottom - top))


def _foreground(
    frame: Frame, crop: Crop | None, background: Background, mask: Image.Image, whole: Size
) -> Image.Image:
    """The finished mask, cut; without a crop at the size of the ``whole`` picture."""
    left, top, right, bottom = frame.box
    if mask.size == frame.whole and frame.box != (0, 0, *frame.whole):
        mask = mask.crop(frame.box)
    if masks.is_worked(background):
        scale = mask.width / (right - left)
        mask = Image.fromarray(masks.finish(np.asarray(mask), background, scale))
    return _cut(mask, Frame.of(right - left, bottom - top), crop, whole)


def needed_size(frame: Frame, crop: Crop | None) -> tuple[int, int] | None:
    """How large the original must at least be decoded for this crop; None: whole."""
    if crop is None:
        return None
    left, top, right, bottom = crop.box
    scale = MARGIN * max(crop.width / (right - left), crop.height / (bottom - top))
    if scale >= 1:
        return None
    return round(frame.whole[0] * scale), round(frame.whole[1] * scale)


def render_file(
    path: Path,
    frame: Frame,
    crop: Crop | None,
    background: Background | None,
    mask: Image.Image | None,
    max_pixels: int = MAX_PIXELS,
    at_least: Size | None = None,
) -> Image.Image:
    """Decode a file as far as needed and render it. Raises ``BadImage``.

    ``at_least``: without a crop, how large the original must be; None: whole.
    """
    needed = at_least if crop is None else needed_size(frame, crop)
    image = decode(path, needed, max_pixels)
    if crop is not None and image.size != frame.whole:
        left, top, right, bottom = _scaled(crop.box, image, frame)
        ratio = min((right - left) / crop.width, (bottom - top) / crop.height)
        if not is_faithful(image, ratio):
            image = decode(path, None, max_pixels)
    return render(image, frame, crop, background, mask)


def framed(image: Image.Image, frame: Frame) -> Image.Image:
    """The picture itself out of its whole upright original, perhaps decoded at a fraction."""
    if frame.box == (0, 0, *frame.whole):
        return image
    left, top, right, bottom = (round(edge) for edge in _scaled(frame.box, image, frame))
    return image.crop((left, top, right, bottom))


def _cut(
    image: Image.Image, frame: Frame, crop: Crop | None, size: tuple[int, int] | None = None
) -> Image.Image:
    """Cut and resample in one pass; without a crop only to ``size``, if one is given."""
    if crop is None:
        image = framed(image, frame)
        if size is None or size == image.size:
            return image
        return resample(image, size, (0, 0, *image.size))
    box = _scaled(frame.within(crop.box), image, frame)
    return resample(image, (crop.width, crop.height), box)


def _scaled(box: Box, image: Image.Image, frame: Frame) -> tuple[float, float, float, float]:
    """A box of the original in the pixels of what was decoded of it."""
    across, down = (_reduction(*sides) for sides in zip(frame.whole, image.size, strict=True))
    return box[0] / across, box[1] / down, box[2] / across, box[3] / down


def _reduction(whole: int, decoded: int) -> float:
    """How many pixels of the original one of the decoded picture stands for.

    Of a JPEG at a fraction a whole number, though its last pixel may stand for fewer.
    """
    factor = round(whole / decoded)
    return factor if -(-whole // factor) == decoded else whole / decoded


def flatten(image: Image.Image, colour: tuple[int, int, int] = WHITE) -> Image.Image:
    """A picture in RGB, its transparency laid on a colour."""
    if image.mode == "RGB":
        return image
    behind = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(behind, image.convert("RGBA")).convert("RGB")


def parse_colour(text: str) -> tuple[int, int, int]:
    """ "#rrggbb" or a CSS colour name as RGB. Raises ``ValueError``."""
    return ImageColor.getrgb(text)[:3]
