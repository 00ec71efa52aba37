"""Boxes that a person gave: later runs keep the region and only bring it to other sizes."""

from __future__ import annotations

import json
from collections.abc import Mapping

from dataprep.decisions import Box, decode
from dataprep.focus.cut import own_region
from dataprep.store import Picture

BY_HAND = "box"
"""The mode of a crop that a person gave."""
REGION = "region"
"""The decision beside such a crop that holds what the person asked for, before it was brought to
an aspect; so it can be brought to another one without wearing away."""


def hand_region(picture: Picture, rows: Mapping[str, str]) -> Box | None:
    """The region that a person chose for a picture, out of its stored decisions; None: none."""
    crop = decode({"crop": rows["crop"]}).crop if f'"{BY_HAND}"' in rows.get("crop", "") else None
    if crop is None or crop.mode != BY_HAND:
        return None
    left, top, right, bottom = json.loads(rows.get(REGION, "[0,0,0,0]"))
    return own_region(picture, crop, (left, top, right, bottom) if right else None)
