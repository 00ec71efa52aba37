"""Small pictures of a project's files, made once by content and kept in ``.dataprep/thumbs``.

They show the original, whatever was decided about it. Nothing is lost when the folder is removed.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from dataprep.files import replacing
from dataprep.images import DAMAGE, BadImage
from dataprep.originals import Originals
from dataprep.render import flatten
from dataprep.store import Picture

SIDE = 96
"""The longer side (pixels), unless the original is smaller."""
QUALITY = 85
FOLDER = "thumbs"
BEHIND = (128, 128, 128)
"""What transparency is shown on."""


def path(originals: Originals, picture: Picture) -> Path:
    """Where the small picture is kept."""
    return originals.state / FOLDER / f"{picture.sha[:24]}.jpg"


def thumb(originals: Originals, picture: Picture) -> Image.Image:
    """A picture in RGB, at most ``SIDE`` long; made and kept when there is none yet.

    Raises ``BadImage``.
    """
    if picture.reason:
        raise BadImage(picture.reason)
    kept = path(originals, picture)
    try:
        with Image.open(kept, formats=("JPEG",)) as known:
            return known.convert("RGB")
    except DAMAGE:
        pass  # none yet, or half of one
    image = originals.decode(picture, (SIDE, SIDE))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=None)
    image = flatten(image, BEHIND)
    packed = io.BytesIO()
    image.save(packed, "JPEG", quality=QUALITY)
    _keep(packed.getvalue(), kept)
    # as it will be read from now on: it must not look otherwise the first time
    return Image.open(packed).convert("RGB")


def _keep(data: bytes, kept: Path) -> None:
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept, durable=False) as temp:
            temp.write_bytes(data)
    except OSError:
        pass  # a full disk: it is made again when it is wanted again
