"""What a person decided about a picture; applied at render, never to the original."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["keep", "reject", "undecided"]

ALPHA = "alpha"
"""The composite that keeps transparency."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A box in pixels of the upright original, and the size it is rendered at.

    The box is (left, top, right, bottom), right and bottom exclusive; ``width`` and ``height``
    are multiples of 64.
    """

    box: tuple[int, int, int, int]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Background:
    """Which model's mask cuts the subject out, and what stands behind it.

    ``composite`` is "alpha" or a colour as "#rrggbb".
    """

    model: str
    composite: str


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions about one picture; None means not decided."""

    crop: Crop | None = None
    background: Background | None = None
    verdict: Verdict = "undecided"

    @property
    def render_key(self) -> str:
        """A short hash of what changes the pixels: equal keys, equal renders."""
        facts = {
            "crop": asdict(self.crop) if self.crop else None,
            "background": asdict(self.background) if self.background else None,
        }
        return hashlib.blake2b(encode(facts).encode(), digest_size=8).hexdigest()


def encode(value: Any) -> str:
    """The JSON text under which a decision is stored: sorted, compact, so equal means equal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def encode_crop(crop: Crop) -> str:
    """A crop as stored text."""
    return encode(asdict(crop))


def encode_background(background: Background) -> str:
    """A background choice as stored text."""
    return encode(asdict(background))


def decode(rows: dict[str, str]) -> Decisions:
    """Decisions out of stored rows (key → JSON text)."""
    crop = json.loads(rows["crop"]) if "crop" in rows else None
    background = json.loads(rows["background"]) if "background" in rows else None
    return Decisions(
        crop=Crop(tuple(crop["box"]), crop["width"], crop["height"]) if crop else None,
        background=Background(**background) if background else None,
        verdict=json.loads(rows["verdict"]) if "verdict" in rows else "undecided",
    )
