"""Boxes that a person gave: later runs keep the region and only bring it to other sizes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from dataprep import boxes
from dataprep import target as targets
from dataprep.buckets import Target
from dataprep.decisions import Box, Crop, decode, encode, encode_crop
from dataprep.focus.cut import Cutter, own_region, whole
from dataprep.journal import PROJECT, Change
from dataprep.store import Picture

if TYPE_CHECKING:
    from dataprep.dataset import Dataset

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


def changes(dataset: Dataset, crops: Mapping[str, Crop], target: Target) -> Iterator[Change]:
    """The changes that give pictures, by name, these crops by hand.

    The project learns the sizes where it knows none yet.
    """
    if targets.read(dataset.store) is None:
        yield dataset.decision_change(PROJECT, targets.KEY, targets.encoded(target))
    for name, crop in crops.items():
        yield dataset.decision_change(name, "crop", encode_crop(crop))
        yield dataset.decision_change(name, REGION, encode(crop.box))


def like(source: Picture, crop: Crop, other: Picture, cutter: Cutter) -> Crop:
    """What a crop of one picture is for another: the same box, or the same part of it."""
    if (source.width, source.height) == (other.width, other.height):
        return crop
    region = boxes.onto(crop.box, (source.width, source.height), (other.width, other.height))
    return cutter.by_hand(whole(other), region)
