"""What was decided about a picture, drawn over the original for somebody to look at."""

from __future__ import annotations

from PIL import Image, ImageDraw

from dataprep.decisions import Background, Crop, Frame
from dataprep.render import flatten, render_mask

GREY = (128, 128, 128)
"""What transparency is shown on."""
CUT_AWAY = 0.3
"""How bright that is which the crop cuts away."""
TINT, TINTED = (220, 40, 160), 0.6
"""The colour that is laid over the background, and how much of it."""
LINE = (255, 220, 0)


def overlaid(
    image: Image.Image,
    frame: Frame,
    crop: Crop | None,
    background: Background | None,
    mask: Image.Image | None,
) -> Image.Image:
    """The picture in RGB with its background tinted and all outside its crop dark.

    ``image`` is the picture itself before any decision, of any size; ``mask`` as ``render`` takes
    it.
    """
    image = flatten(image, GREY)
    if background is not None and mask is not None:
        foreground = render_mask(frame, None, background, mask, image.size)
        tinted = Image.blend(image, Image.new("RGB", image.size, TINT), TINTED)
        image = Image.composite(image, tinted, foreground)
    return image if crop is None else _framed(image, frame, crop)


def _framed(image: Image.Image, frame: Frame, crop: Crop) -> Image.Image:
    left, top, right, bottom = frame.box
    across, down = image.width / (right - left), image.height / (bottom - top)
    box = (
        round(crop.box[0] * across),
        round(crop.box[1] * down),
        max(round(crop.box[0] * across) + 1, round(crop.box[2] * across)),
        max(round(crop.box[1] * down) + 1, round(crop.box[3] * down)),
    )
    framed = image.point(lambda value: round(value * CUT_AWAY))
    framed.paste(image.crop(box), box)
    line = max(1, round(max(image.size) / 160))
    edge = (box[0], box[1], box[2] - 1, box[3] - 1)
    ImageDraw.Draw(framed).rectangle(edge, outline=LINE, width=line)
    return framed
