"""What a person decided about a picture; applied at render, never to the original."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal

Verdict = Literal["keep", "reject", "undecided"]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels; right and bottom exclusive."""

ALPHA = "alpha"
"""The composite that keeps transparency."""
BLUR = "blur"
"""The composite that puts the blurred original behind the subject."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A box in pixels of the upright original, and the size it is rendered at.

    ``width`` and ``height`` are multiples of the bucket step. Of a view, the box lies in the view.
    """

    box: Box
    width: int
    height: int
    mode: str = "centre"
    """How the box was found; "box": by a person, so that later runs keep to it."""


@dataclass(frozen=True, slots=True)
class Background:
    """Which model's mask cuts the subject out, and what stands behind it.

    ``composite`` is "alpha", "blur" (the original, blurred) or a colour as "#rrggbb". What is done
    to the mask before, in this order: invert, largest, grow, feather.
    """

    model: str
    composite: str
    invert: bool = False
    """The subject is what the model took for the background."""
    largest: bool = False
    """Only the largest connected piece stays."""
    grow: int = 0
    """The mask is grown by so many pixels of the original; shrunk when negative."""
    feather: int = 0
    """Its edge is softened over so many pixels of the original."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Which part of an upright original a picture is: all of it, or a view's box."""

    whole: tuple[int, int]
    """Width and height of the original (pixels)."""
    box: Box

    @classmethod
    def of(cls, width: int, height: int) -> Frame:
        """All of an original."""
        return cls((width, height), (0, 0, width, height))

    def within(self, box: Box) -> Box:
        """A box of the picture as a box of the original."""
        left, top = self.box[:2]
        return box[0] + left, box[1] + top, box[2] + left, box[3] + top


@dataclass(frozen=True, slots=True)
class View:
    """A part of a picture that is a picture of its own, with its own caption and decisions.

    The view ``head`` of ``a.png`` is the picture ``a@head.png``; no such file exists.
    """

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Decisions:
    """All decisions about one picture; None means not decided."""

    crop: Crop | None = None
    background: Background | None = None
    verdict: Verdict = "undecided"
    why: str = ""
    """The reason of the verdict."""
    views: tuple[View, ...] = ()

    @property
    def render_key(self) -> str:
        """A short hash of what changes the pixels: equal keys, equal renders."""
        crop = self.crop
        facts = {
            "crop": [*crop.box, crop.width, crop.height] if crop else None,
            "background": _plain(self.background) if self.background else None,
        }
        return hashlib.blake2b(encode(facts).encode(), digest_size=8).hexdigest()


def encode(value: Any) -> str:
    """The JSON text under which a decision is stored: sorted, compact, so equal means equal."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _plain(value: Crop | Background) -> dict[str, Any]:
    """Fields that are not at their default; a new kind of decision leaves old texts as they are."""
    return {
        field.name: getattr(value, field.name)
        for field in fields(value)
        if getattr(value, field.name) != field.default
    }


def encode_crop(crop: Crop) -> str:
    """A crop as stored text."""
    return encode(_plain(crop))


def encode_background(background: Background) -> str:
    """A background choice as stored text."""
    return encode(_plain(background))


def encode_views(views: Iterable[View]) -> str:
    """Views as stored text."""
    return encode([[view.label, *view.box] for view in views])


def decode(rows: dict[str, str]) -> Decisions:
    """Decisions out of stored rows (key → JSON text)."""
    values = {key: json.loads(text) for key, text in rows.items()}
    crop, background = values.get("crop"), values.get("background")
    return Decisions(
        crop=Crop(**{**crop, "box": tuple(crop["box"])}) if crop else None,
        background=Background(**background) if background else None,
        verdict=values.get("verdict", "undecided"),
        why=values.get("why", ""),
        views=tuple(
            View(label, (left, top, right, bottom))
            for label, left, top, right, bottom in values.get("views", ())
        ),
    )
