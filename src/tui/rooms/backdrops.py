"""What may stand behind a subject, as the dials of the room Background lead through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataprep.decisions import ALPHA, BLUR
from dataprep.render import parse_colour
from tui.rooms.held import Held
from tui.widgets.dials import Dial
from tui.words import N_, _, n_

PALETTE = ("#ffffff", "#dcdcdc", "#f5e6c8", "#c8dcf0", "#d8ecd0")
"""What is proposed as a palette: light colours, none of which a LoRA can learn as the rule."""
BEHIND = {
    "white": N_("white"),
    "black": N_("black"),
    "#808080": N_("grey"),
    ALPHA: N_("transparent"),
    BLUR: N_("blurred"),
}
"""What the key leads through, and a palette after that."""
PALETTES = "palette"
LADDER = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Pixels by which a mask is grown or feathered, step by step."""

SWITCH = (N_("off"), N_("on"))


def called(composite: str, palette: Sequence[str]) -> str:
    """What stands behind the subject, in a word."""
    if palette:
        return n_("{n} colour", "{n} colours", len(palette))
    usual = _usual(composite)
    return _(BEHIND[usual]) if usual in BEHIND else composite


def dials(held: Held) -> list[Dial]:
    """All dials of the room, as they stand."""
    behind = called(str(held["composite"]), held["palette"])
    grow = f"{held['grow']:+d}" if held["grow"] else "0"
    return [
        Dial("model", "M", _("model"), Path(str(held["model"])).name),
        Dial("behind", "c", _("behind"), behind),
        Dial("grow", "- +", _("grow"), grow),
        Dial("feather", "< >", _("soften"), str(held["feather"])),
        Dial("invert", "i", _("invert"), _(SWITCH[bool(held["invert"])])),
        Dial("largest", "o", _("one piece"), _(SWITCH[bool(held["largest"])])),
    ]


def following(composite: str, palette: Sequence[str], by: int) -> dict[str, Any]:
    """The settings that put the next thing behind it."""
    ways = [*BEHIND, PALETTES]
    now = PALETTES if palette else _usual(composite)
    place = ways.index(now) if now in ways else -by
    way = ways[(place + by) % len(ways)]
    return {"palette": PALETTE} if way == PALETTES else {"composite": way, "palette": ()}


def typed(text: str) -> dict[str, Any]:
    """The settings that a typed line means: one colour, or several to be dealt out."""
    parts = _parts(text)
    if len(parts) > 1:
        return {"palette": tuple(parts)}
    return {"composite": parts[0], "palette": ()}


def complaint(text: str) -> str:
    """What is wrong with a typed line; empty: nothing is."""
    parts = _parts(text)
    if not parts:
        return _("give a colour")
    for part in parts:
        if not (part in (ALPHA, BLUR) and len(parts) == 1) and not _is_colour(part):
            return _("{text} is no colour").format(text=part)
    return ""


def stepped(name: str, now: int, by: int) -> Mapping[str, int]:
    """The setting that grows or feathers a mask by a step more or less."""
    steps = sorted({*LADDER, *(-step for step in LADDER if name == "grow")})
    left = [step for step in steps if (step > now if by > 0 else step < now)]
    return {name: left[0] if by > 0 else left[-1]} if left else {}


def _usual(composite: str) -> str:
    """A composite as the key leads through it: a colour by the name it has there."""
    if not _is_colour(composite):
        return composite
    colour = parse_colour(composite)
    names = (name for name in BEHIND if name not in (ALPHA, BLUR))
    return next((name for name in names if parse_colour(name) == colour), composite)


def _is_colour(text: str) -> bool:
    try:
        parse_colour(text)
    except ValueError:
        return False
    return True


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
