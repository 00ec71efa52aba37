"""Below the chin: legs, dress, arms and scarf. y = 0 is the middle of the head, y down."""

from __future__ import annotations

from .palette import SHOE, SKIN, SKIRT, WHITE, Palette
from .pen import LINE, Path, Pen, Point, both_sides
from .world import Scene

DRESS: Path = (
    ((-0.34, 0.86), (-0.46, 1.2), (-0.62, 1.58), (-0.9, 1.98)),
    ((-0.9, 1.98), (-0.46, 2.12), (0.0, 2.16), (0.46, 2.12), (0.9, 1.98)),
    ((0.9, 1.98), (0.62, 1.58), (0.46, 1.2), (0.34, 0.86)),
    ((0.34, 0.86), (-0.34, 0.86)),
)
HEM: Path = (
    ((-0.8, 1.84), (-0.9, 1.98)),
    ((-0.9, 1.98), (-0.46, 2.12), (0.0, 2.16), (0.46, 2.12), (0.9, 1.98)),
    ((0.9, 1.98), (0.8, 1.84)),
    ((0.8, 1.84), (0.42, 1.96), (0.0, 2.0), (-0.42, 1.96), (-0.8, 1.84)),
)
FOLD: Path = (
    ((0.3, 1.2), (0.46, 1.56), (0.66, 1.88), (0.5, 1.94), (0.3, 1.97)),
    ((0.3, 1.97), (0.3, 1.6), (0.3, 1.2)),
)
SHIRT: Path = (
    ((-0.36, 0.86), (-0.48, 1.2), (-0.54, 1.6)),
    ((-0.54, 1.6), (0.0, 1.68), (0.54, 1.6)),
    ((0.54, 1.6), (0.48, 1.2), (0.36, 0.86)),
    ((0.36, 0.86), (-0.36, 0.86)),
)
PLEATS: Path = (
    ((-0.52, 1.5), (-0.68, 1.74), (-0.88, 2.0)),
    ((-0.88, 2.0), (-0.44, 2.11), (0.0, 2.14), (0.44, 2.11), (0.88, 2.0)),
    ((0.88, 2.0), (0.68, 1.74), (0.52, 1.5)),
    ((0.52, 1.5), (0.0, 1.57), (-0.52, 1.5)),
)
COLLAR: Path = (
    ((0.0, 1.24), (-0.34, 1.14), (-0.36, 0.86)),
    ((-0.36, 0.86), (0.36, 0.86)),
    ((0.36, 0.86), (0.34, 1.14), (0.0, 1.24)),
)
SLEEVE: Path = (((0.3, 0.95), (0.52, 0.98), (0.7, 1.2), (0.64, 1.4), (0.42, 1.34), (0.28, 1.16)),)
RAISED_SLEEVE: Path = (
    ((0.28, 0.98), (0.52, 0.86), (0.74, 0.86), (0.8, 1.06), (0.6, 1.24), (0.34, 1.26)),
)
SCARF = both_sides(((0.0, 0.9), (0.5, 0.82), (0.66, 0.96), (0.6, 1.14), (0.3, 1.26), (0.0, 1.29)))
SCARF_END: Path = (
    ((0.14, 1.16), (0.2, 1.5), (0.14, 1.82)),
    ((0.14, 1.82), (0.34, 1.9), (0.56, 1.84)),
    ((0.56, 1.84), (0.56, 1.5), (0.46, 1.12)),
    ((0.46, 1.12), (0.14, 1.16)),
)
LOW_ARM: tuple[Point, ...] = ((0.48, 1.16), (0.72, 1.42), (0.86, 1.68))
HIGH_ARM: tuple[Point, ...] = ((0.5, 1.08), (0.88, 0.92), (1.2, 0.6))


def draw_body(pen: Pen, scene: Scene, colors: Palette) -> None:
    """Legs first, so that the skirt covers their tops."""
    pen.stroke(((0.0, 0.7), (0.0, 1.05)), 0.34, SKIN.dark, LINE)
    for side in (pen, pen.moved((0, 0), 0, mirror=True)):
        _sitting_leg(side) if scene.sitting else _standing_leg(side)
    (_dress if scene.outfit == "dress" else _shirt)(pen, colors)
    mirrored = pen.moved((0, 0), 0, mirror=True)
    # The viewer's right arm is the one that waves.
    _arm(pen, colors, raised=scene.arms != "arms_at_sides")
    _arm(mirrored, colors, raised=scene.arms == "arms_up")


def _standing_leg(pen: Pen) -> None:
    pen.stroke(((0.3, 1.9), (0.3, 2.2), (0.3, 2.5)), 0.3, SKIN.base, LINE)
    pen.stroke(((0.3, 2.42), (0.3, 2.55)), 0.31, WHITE, LINE)
    pen.ellipse((0.33, 2.66), (0.27, 0.16), SHOE.base)
    pen.stroke(((0.24, 2.6), (0.4, 2.6)), 0.06, SHOE.light)


def _sitting_leg(pen: Pen) -> None:
    pen.stroke(((0.3, 1.9), (0.46, 2.12), (0.56, 2.24)), 0.34, SKIN.base, LINE)
    pen.ellipse((0.6, 2.28), (0.25, 0.28), SHOE.base)
    pen.ellipse((0.6, 2.3), (0.15, 0.18), SHOE.light, 0.0)


def _dress(pen: Pen, colors: Palette) -> None:
    pen.shape(DRESS, colors.outfit.base)
    pen.shape(FOLD, colors.outfit.dark, 0.0)
    pen.shape(HEM, colors.trim, 0.02)
    pen.shape(COLLAR, colors.trim, 0.03)


def _shirt(pen: Pen, colors: Palette) -> None:
    pen.shape(SHIRT, colors.outfit.base)
    pen.shape(PLEATS, SKIRT.base)
    for x, foot in ((-0.32, -0.5), (-0.1, -0.17), (0.12, 0.17), (0.32, 0.5)):
        pen.stroke(((x, 1.64), (foot, 2.02)), 0.045, SKIRT.dark)
    pen.shape(COLLAR, colors.trim, 0.03)


def _arm(pen: Pen, colors: Palette, raised: bool) -> None:
    path = HIGH_ARM if raised else LOW_ARM
    pen.stroke(path, 0.24, SKIN.base, LINE)
    pen.ellipse(path[-1], (0.17, 0.17), SKIN.base)
    pen.stroke(path[1:], 0.24, SKIN.base)
    pen.shape(RAISED_SLEEVE if raised else SLEEVE, colors.outfit.base)


def draw_scarf(pen: Pen, scene: Scene, colors: Palette) -> None:
    """Over the chin, so it is drawn last of all."""
    if scene.scarf is None:
        return
    shades = colors.scarf
    pen.shape(SCARF_END, shades.base)
    for y in (1.58, 1.72):
        pen.stroke(((0.2, y), (0.54, y)), 0.055, shades.dark)
    pen.shape(SCARF, shades.base)
    pen.stroke(((-0.5, 0.98), (-0.2, 1.06), (0.2, 1.06), (0.5, 0.98)), 0.06, shades.light)
    pen.stroke(((-0.4, 1.16), (0.0, 1.22), (0.3, 1.18)), 0.05, shades.dark)
