"""The colours of the small world, with the slight hue drift of one scene."""

from __future__ import annotations

import colorsys
import random
from dataclasses import dataclass

from .pen import Color
from .world import Scene


@dataclass(frozen=True)
class Shades:
    """A flat colour with its light band and its shadow."""

    base: Color
    light: Color
    dark: Color


WHITE: Color = (255, 255, 255)
SKIN = Shades((255, 226, 205), (255, 240, 228), (245, 196, 172))
BLUSH: Color = (255, 138, 140)
MOUTH: Color = (176, 44, 62)
TONGUE: Color = (255, 130, 130)
STRAW = Shades((246, 206, 112), (255, 228, 150), (214, 164, 72))
WITCH = Shades((92, 58, 148), (134, 94, 196), (62, 38, 108))
PETAL = Shades((238, 44, 62), (255, 112, 112), (180, 20, 44))
RIBBON = Shades((150, 64, 200), (196, 126, 236), (104, 38, 150))
SKIRT = Shades((52, 62, 118), (84, 98, 166), (34, 40, 84))
SHOE = Shades((128, 74, 56), (176, 112, 84), (88, 48, 40))

HAIR: dict[str, Shades] = {
    "black": Shades((58, 54, 72), (112, 108, 140), (38, 34, 50)),
    "blonde": Shades((250, 214, 92), (255, 240, 164), (222, 168, 56)),
    "red": Shades((204, 62, 48), (244, 122, 92), (150, 36, 36)),
    "pink": Shades((255, 150, 192), (255, 204, 226), (230, 104, 158)),
    "blue": Shades((80, 140, 236), (146, 196, 255), (48, 96, 190)),
    "green": Shades((70, 190, 110), (150, 232, 164), (34, 140, 84)),
}
EYES: dict[str, Shades] = {
    "blue": Shades((44, 120, 240), (130, 210, 255), (20, 50, 140)),
    "red": Shades((222, 34, 52), (255, 140, 120), (120, 10, 34)),
    "green": Shades((26, 160, 84), (130, 236, 140), (8, 84, 50)),
    "yellow": Shades((246, 182, 20), (255, 236, 120), (150, 90, 10)),
}
CLOTH: dict[str, Shades] = {
    "red": Shades((222, 52, 60), (255, 118, 112), (170, 28, 46)),
    "blue": Shades((52, 100, 222), (118, 164, 255), (30, 64, 160)),
    "white": Shades((250, 250, 255), (255, 255, 255), (206, 212, 232)),
    "black": Shades((64, 60, 74), (110, 106, 124), (42, 38, 50)),
    "yellow": Shades((255, 206, 40), (255, 232, 120), (226, 158, 20)),
}


@dataclass(frozen=True)
class Palette:
    """What one scene is coloured with."""

    hair: Shades
    eyes: Shades
    outfit: Shades
    scarf: Shades
    trim: Color


def palette(scene: Scene, rng: random.Random) -> Palette:
    """The scene's colours; `rng` drives their drift."""
    outfit = CLOTH[scene.outfit_color]
    trim = (255, 214, 110) if scene.outfit_color == "black" else WHITE
    if scene.outfit_color == "white":
        trim = (120, 170, 240)
    return Palette(
        hair=drifted(HAIR[scene.hair_color], rng),
        eyes=drifted(EYES[scene.eye_color], rng),
        outfit=drifted(outfit, rng),
        scarf=drifted(CLOTH[scene.scarf or "red"], rng),
        trim=trim,
    )


def drifted(shades: Shades, rng: random.Random) -> Shades:
    """The same colour, its hue moved by up to 4 degrees and its value by 3 %."""
    hue, value = rng.uniform(-4, 4) / 360, rng.uniform(0.97, 1.03)
    return Shades(*(_shift(c, hue, value) for c in (shades.base, shades.light, shades.dark)))


def _shift(color: Color, hue: float, value: float) -> Color:
    h, s, v = colorsys.rgb_to_hsv(*(part / 255 for part in color))
    r, g, b = colorsys.hsv_to_rgb((h + hue) % 1, s, min(1.0, v * value))
    return round(r * 255), round(g * 255), round(b * 255)


def mixed(a: Color, b: Color, share: float) -> Color:
    """`share` 0 gives a, 1 gives b."""
    r, g, b_ = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return r, g, b_
