"""Whether a JPEG decoded at a fraction renders as the whole one would.

libjpeg decodes at ½, ¼ or ⅛ in the frequency domain, which is far quicker and loses what lies
above that. After the resample to the training size the loss is within one level of 255 on the
mean, unless the picture is grainy or full of thin coloured lines. That shows in the decoded
fraction itself: the mean curvature of its pixels predicts the difference. The limits are fitted to
photographs, painted and cartoon pictures, film grain and line drawings at several JPEG qualities
(``tests/test_drafts.py``).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

MARGIN = 1.4
"""A fraction is not looked at below so many of its pixels per pixel of the result, each way."""

PATCH = 64
PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
LIMITS = ((2.9, 28.0), (2.0, 20.0), (0.0, 15.0))
"""From so many pixels per pixel on, the curvature up to which the fraction is taken."""


def is_faithful(image: Image.Image, ratio: float) -> bool:
    """Whether ``image``, a fraction, may stand for the whole picture.

    ``ratio``: its pixels per pixel of the result, each way, at least ``MARGIN``.
    """
    limit = next(limit for least, limit in LIMITS if ratio >= least)
    return curvature(image) <= limit


def curvature(image: Image.Image) -> float:
    """Mean absolute second difference of neighbouring pixels, both ways, in five patches."""
    patches = np.stack([_patch(image, *place) for place in PLACES]).astype(np.int16)
    sideways = patches[:, :, 2:] - 2 * patches[:, :, 1:-1] + patches[:, :, :-2]
    upright = patches[:, 2:] - 2 * patches[:, 1:-1] + patches[:, :-2]
    return float(np.abs(sideways).mean() + np.abs(upright).mean())


def _patch(image: Image.Image, across: float, down: float) -> np.ndarray:
    left = max(0, round(image.width * across) - PATCH // 2)
    top = max(0, round(image.height * down) - PATCH // 2)
    return np.asarray(image.crop((left, top, left + PATCH, top + PATCH)).convert("RGB"))
