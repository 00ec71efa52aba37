"""The subject of a picture, by its foreground mask."""

from __future__ import annotations

from PIL import Image

from dataprep.decisions import Box
from dataprep.focus.place import Size
from dataprep.masks import HALF


def subject_box(mask: Image.Image, full: Size) -> Box | None:
    """The box around the foreground of a mask, "L", in pixels of the ``full`` picture.

    None: nothing in the mask is foreground.
    """
    found = mask.point([255 if value >= HALF else 0 for value in range(256)]).getbbox()
    if found is None:
        return None
    across, down = full[0] / mask.width, full[1] / mask.height
    left, top, right, bottom = found
    return (
        int(left * across),
        int(top * down),
        min(full[0], -int(-right * across // 1)),
        min(full[1], -int(-bottom * down // 1)),
    )
