"""Paints a scene: the picture and the true mask of its character."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from .backdrop import backdrop, cast_shadow
from .body import draw_body, draw_scarf
from .head import draw_back, draw_head
from .palette import palette
from .pen import Pen
from .world import Scene

NECK = (0.0, 0.85)
# Where each framing is cut, in head units below the middle of the head.
_FLOOR = {"upper_body": 1.92, "portrait": 1.12}
_STANDING, _SITTING = 2.84, 2.58
_TOPS: dict[str | None, float] = {
    None: -1.2,
    "straw_hat": -1.6,
    "witch_hat": -2.15,
    "cat_ears": -1.66,
    "ribbon": -1.54,
}
_HALF_WIDTHS = {"full_body": 1.9, "upper_body": 1.85, "portrait": 1.42}


@dataclass(frozen=True)
class Painted:
    """`image` is RGB, `mask` is L: 255 on the character, 0 behind, soft on the edge."""

    image: Image.Image
    mask: Image.Image


def paint(scene: Scene, width: int, height: int) -> Painted:
    """The scene at width x height pixels, both at least 64; the same call gives the same pixels."""
    canvas, factor = _canvas(scene, width, height)
    image = canvas.convert("RGB").reduce(factor)
    return Painted(image=image, mask=canvas.getchannel("A").reduce(factor))


def cutout(scene: Scene, width: int, height: int) -> Image.Image:
    """The character alone, RGBA, its edge free of background colour."""
    canvas, factor = _canvas(scene, width, height)
    return canvas.reduce(factor)


def _canvas(scene: Scene, width: int, height: int) -> tuple[Image.Image, int]:
    """The scene enlarged for anti-aliasing, and by how much."""
    if min(width, height) < 64:
        raise ValueError(f"a picture needs sides of 64 px or more, got {width}x{height}")
    factor = 4 if min(width, height) < 200 else 3 if min(width, height) < 800 else 2
    size = (width * factor, height * factor)
    # Two streams: the figure stands in the same place whatever is painted behind it.
    canvas = backdrop(scene.background, size, random.Random(scene.seed))
    rng = random.Random(scene.seed + 1)
    pen, tilt = _place(scene, ImageDraw.Draw(canvas), size, rng)
    colors = palette(scene, rng)
    head = pen.moved(NECK, tilt)
    if scene.framing == "full_body":
        feet = pen.matrix @ np.array((0.0, _floor(scene) - 0.1)) + pen.origin
        cast_shadow(canvas, (feet[0], feet[1]), float(pen.matrix[0, 0]) * 0.95)
    draw_back(head, scene, colors)
    draw_body(pen, scene, colors)
    draw_head(head, scene, colors)
    draw_scarf(pen, scene, colors)
    return canvas, factor


def _floor(scene: Scene) -> float:
    """The lowest shown height of the figure, in head units."""
    return _FLOOR.get(scene.framing, _SITTING if scene.sitting else _STANDING)


def _place(
    scene: Scene, draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: random.Random
) -> tuple[Pen, float]:
    """The pen that puts the figure into the framing, and the tilt of its head in degrees."""
    width, height = size
    top = _TOPS[scene.headwear]
    if scene.hairstyle in ("double_bun", "ponytail"):
        top = min(top, -1.46)
    floor = _floor(scene)
    fit = min(height * 0.93 / (floor - top), width / 2 / _HALF_WIDTHS[scene.framing])
    scale = fit * rng.uniform(0.94, 1.0)
    foot = height * (0.975 if scene.framing == "full_body" else 1.0)
    # A full figure in a tall picture would stand on the edge; lift it by part of the spare room.
    spare = max(0.0, foot - (floor - top) * scale)
    if scene.framing == "full_body":
        foot -= spare * rng.uniform(0.15, 0.4)
    x = width * (0.5 + rng.uniform(-0.04, 0.04))
    pen = Pen(draw, np.diag((scale, scale)), np.array((x, foot - floor * scale)))
    return pen, rng.uniform(-6, 6)
