"""What lies behind the character. Coordinates are shares of the canvas, unless said otherwise."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from .palette import WHITE, mixed
from .pen import Color

PASTELS: tuple[Color, ...] = (
    (255, 196, 206),
    (255, 222, 170),
    (250, 240, 170),
    (190, 234, 190),
    (180, 226, 240),
    (206, 200, 246),
)
STRONG: tuple[Color, ...] = (
    (250, 140, 160),
    (250, 176, 100),
    (120, 204, 150),
    (104, 186, 226),
    (164, 140, 226),
)


def backdrop(kind: str, size: tuple[int, int], rng: random.Random) -> Image.Image:
    """An RGBA canvas whose alpha is 0 everywhere: colours are there, the mask is empty."""
    return _PAINTERS[kind](size, rng)


def cast_shadow(canvas: Image.Image, at: tuple[float, float], reach: float) -> None:
    """Darken the ground about `at` by a fifth, `reach` pixels to each side."""
    x, y = at
    box = (round(x - reach), round(y - reach * 0.2), round(x + reach), round(y + reach * 0.2))
    ground = canvas.crop(box)
    spot = Image.new("L", ground.size)
    ImageDraw.Draw(spot).ellipse((0, 0, ground.width - 1, ground.height - 1), fill=255)
    canvas.paste(ground.point(_DARKER), box[:2], spot)


def _flat(size: tuple[int, int], color: Color) -> Image.Image:
    return Image.new("RGBA", size, (*color, 0))


def _vertical(size: tuple[int, int], top: Color, bottom: Color) -> Image.Image:
    """A vertical blend; one column is computed and stretched."""
    share = np.linspace(0, 1, size[1])[:, None]
    column = np.array(top) * (1 - share) + np.array(bottom) * share
    rows = np.zeros((size[1], 1, 4), dtype=np.uint8)
    rows[:, 0, :3] = np.rint(column)
    return Image.fromarray(rows).resize(size, Image.Resampling.NEAREST)


def _white(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _flat(size, WHITE)


def _plain(size: tuple[int, int], rng: random.Random) -> Image.Image:
    return _flat(size, rng.choice(PASTELS))


def _gradient(size: tuple[int, int], rng: random.Random) -> Image.Image:
    # Neighbours in the list are too alike to read as a gradient.
    first = rng.randrange(len(STRONG))
    top, bottom = STRONG[first], STRONG[(first + rng.choice((2, 3))) % len(STRONG)]
    return _vertical(size, top, mixed(bottom, WHITE, 0.55))


def _striped(size: tuple[int, int], rng: random.Random) -> Image.Image:
    color = rng.choice(STRONG)
    canvas = _flat(size, mixed(color, WHITE, 0.75))
    draw, (w, h) = ImageDraw.Draw(canvas), size
    step = min(w, h) / 5.5
    slant = h * 0.35
    x = -slant + step * rng.uniform(-1, 0)
    while x < w:
        band = [(x + slant, 0), (x + slant + step / 2, 0), (x + step / 2, h), (x, h)]
        draw.polygon(band, fill=(*mixed(color, WHITE, 0.25), 0))
        x += step
    return canvas


def _polka_dot(size: tuple[int, int], rng: random.Random) -> Image.Image:
    canvas = _flat(size, mixed(rng.choice(STRONG), WHITE, 0.2))
    draw, (w, h) = ImageDraw.Draw(canvas), size
    step = min(w, h) / 4.6
    shift = rng.random() * step
    for row in range(-1, int(h / step * 2) + 2):
        for column in range(-1, int(w / step) + 2):
            x = column * step + (row % 2) * step / 2 + shift - step / 2
            _dot(draw, x, row * step / 2 + step / 4, step * 0.19, WHITE)
    return canvas


def _dot(draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, color: Color) -> None:
    """A disc; all lengths in pixels."""
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(*color, 0))


def _meadow(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    canvas = _vertical(size, (112, 190, 250), (206, 238, 255))
    draw = ImageDraw.Draw(canvas)
    for _ in range(3):
        _cloud(draw, size, rng)
    _hill(draw, size, 0.56, 0.06, rng, (150, 214, 120))
    _hill(draw, size, 0.68, 0.04, rng, (116, 196, 92))
    for _ in range(14):
        x, y = rng.random() * w, h * rng.uniform(0.76, 0.98)
        petal = rng.choice((WHITE, (255, 226, 120), (255, 176, 200)))
        _dot(draw, x, y, min(w, h) * 0.012, petal)
    return canvas


def _beach(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    canvas = _vertical(size, (126, 206, 250), (236, 248, 255))
    draw = ImageDraw.Draw(canvas)
    for _ in range(2):
        _cloud(draw, size, rng)
    sea = h * rng.uniform(0.36, 0.42)
    draw.rectangle((0, sea, w, h), fill=(34, 128, 196, 0))
    for _ in range(9):
        x, y = rng.random() * w, rng.uniform(sea + h * 0.03, h * 0.76)
        draw.rectangle((x, y, x + w * 0.1, y + h * 0.008), fill=(150, 214, 240, 0))
    _hill(draw, size, 0.79, 0.02, rng, WHITE)
    _hill(draw, size, 0.81, 0.02, rng, (250, 226, 166))
    return canvas


def _night(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    canvas = _vertical(size, (22, 24, 74), (86, 70, 150))
    draw = ImageDraw.Draw(canvas)
    unit = min(w, h)
    for _ in range(34):
        _star(draw, rng.random() * w, rng.random() * h * 0.8, unit * rng.uniform(0.012, 0.03))
    x, y, radius = w * rng.choice((0.14, 0.86)), h * rng.uniform(0.13, 0.2), unit * 0.12
    _dot(draw, x, y, radius * 1.25, (92, 88, 150))
    _dot(draw, x, y, radius, (255, 240, 176))
    _dot(draw, x - radius * 0.3, y - radius * 0.2, radius * 0.22, (240, 216, 140))
    _dot(draw, x + radius * 0.3, y + radius * 0.35, radius * 0.16, (240, 216, 140))
    _hill(draw, size, 0.84, 0.05, rng, (38, 36, 84))
    return canvas


def _room(size: tuple[int, int], rng: random.Random) -> Image.Image:
    w, h = size
    canvas = _flat(size, rng.choice(((244, 214, 186), (236, 206, 206), (214, 220, 200))))
    draw, unit = ImageDraw.Draw(canvas), min(w, h)
    draw.rectangle((0, h * 0.8, w, h), fill=(176, 120, 84, 0))
    draw.rectangle((0, h * 0.79, w, h * 0.815), fill=(250, 240, 226, 0))
    left = rng.random() < 0.5
    x = -unit * 0.06 if left else w - unit * 0.44
    y = h * 0.06
    _window(draw, x, y, unit * 0.5, h * 0.46, unit * 0.03)
    return canvas


def _window(draw: ImageDraw.ImageDraw, x: float, y: float, w: float, h: float, bar: float) -> None:
    """A cross-barred window; all lengths in pixels."""
    draw.rectangle((x - bar, y - bar, x + w + bar, y + h + bar), fill=(122, 78, 58, 0))
    draw.rectangle((x, y, x + w, y + h), fill=(150, 214, 250, 0))
    draw.polygon(
        [(x, y + h * 0.5), (x + w * 0.5, y), (x + w * 0.8, y), (x, y + h * 0.8)],
        fill=(206, 238, 255, 0),
    )
    draw.rectangle((x + w / 2 - bar / 2, y, x + w / 2 + bar / 2, y + h), fill=(122, 78, 58, 0))
    draw.rectangle((x, y + h / 2 - bar / 2, x + w, y + h / 2 + bar / 2), fill=(122, 78, 58, 0))


def _cloud(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: random.Random) -> None:
    w, h = size
    x, y, r = rng.random() * w, h * rng.uniform(0.08, 0.38), min(w, h) * rng.uniform(0.05, 0.08)
    for dx, dy, scale in ((-1.3, 0.25, 0.7), (0.0, 0.0, 1.0), (1.2, 0.2, 0.75)):
        _dot(draw, x + dx * r, y + dy * r, r * scale, WHITE)
    draw.rounded_rectangle(
        (x - 2.2 * r, y + 0.1 * r, x + 2.1 * r, y + 0.97 * r), r * 0.43, fill=(*WHITE, 0)
    )


def _hill(
    draw: ImageDraw.ImageDraw,
    size: tuple[int, int],
    level: float,
    swing: float,
    rng: random.Random,
    color: Color,
) -> None:
    w, h = size
    phase, waves = rng.random() * 6.3, rng.uniform(0.7, 1.3) * w / min(w, h)
    ridge = [
        (w * i / 24, h * (level + swing * math.sin(phase + i / 24 * waves * 6.3)))
        for i in range(25)
    ]
    draw.polygon([*ridge, (w, h), (0, h)], fill=(*color, 0))


def _star(draw: ImageDraw.ImageDraw, x: float, y: float, r: float) -> None:
    """A four-pointed star; all lengths in pixels."""
    q = r * 0.3
    tips = [(x, y - r), (x + q, y - q), (x + r, y), (x + q, y + q)]
    tips += [(x, y + r), (x - q, y + q), (x - r, y), (x - q, y - q)]
    draw.polygon(tips, fill=(255, 250, 214, 0))


_DARKER = [value * 4 // 5 for value in range(256)] * 3 + [0] * 256
_PAINTERS: dict[str, Callable[[tuple[int, int], random.Random], Image.Image]] = {
    "white": _white,
    "plain": _plain,
    "gradient": _gradient,
    "striped": _striped,
    "polka_dot": _polka_dot,
    "meadow": _meadow,
    "beach": _beach,
    "night": _night,
    "room": _room,
}
