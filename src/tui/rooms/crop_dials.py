"""The dials of the room Crop: what they show, and what a turn of one sets."""

from __future__ import annotations

from typing import Any

from tui.rooms.held import Held
from tui.widgets.dials import Dial
from tui.words import N_, _

SIZES = (256, 384, 512, 640, 768, 896, 1024, 1280, 1536)
MODES = {
    "centre": N_("centre"),
    "face": N_("face"),
    "saliency": N_("lively part"),
    "foreground": N_("subject"),
    "none": N_("keep whole"),
}
"""Where a cut lies; a box by hand is what the keys on the picture make."""
SWITCH = (N_("off"), N_("on"))


def dials_of(held: Held) -> list[Dial]:
    """The dials as they stand."""
    mode = str(held["mode"])
    return [
        Dial("size", "[ ]", _("size"), str(held["size"])),
        Dial("buckets", "B", _("buckets"), _(SWITCH[bool(held["buckets"])])),
        Dial("mode", "m", _("by"), _(MODES.get(mode, mode))),
        Dial("upscale", "e", _("enlarge"), _(SWITCH[bool(held["upscale"])])),
    ]


def resized(held: Held, by: int) -> dict[str, Any]:
    """The next larger or smaller of the usual sizes; empty when there is none."""
    now = int(held["size"])
    known = [size for size in SIZES if (size > now if by > 0 else size < now)]
    if not known:
        return {}
    return {"size": known[0] if by > 0 else known[-1]}


def turned(held: Held, name: str, by: int) -> dict[str, Any]:
    """What another dial turned on by one sets, with those that hang on it."""
    if name == "mode":
        modes = list(MODES)
        place = modes.index(held["mode"]) if held["mode"] in modes else -by
        mode = modes[(place + by) % len(modes)]
        loose = {"tight": False} if held["tight"] and mode not in ("face", "foreground") else {}
        return {"mode": mode, **loose}
    if name == "buckets":
        # of one size there is nothing that need not be enlarged
        more = {"upscale": True} if held["buckets"] else {}
        return {"buckets": not held["buckets"], **more}
    more = {"buckets": True} if held["upscale"] else {}
    return {"upscale": not held["upscale"], **more}
