"""The big round head: face, hair, and what is worn on it. Head half width = 1, y down."""

from __future__ import annotations

from .palette import BLUSH, MOUTH, PETAL, RIBBON, SKIN, STRAW, TONGUE, WHITE, WITCH, Palette, Shades
from .pen import INK, LINE, Path, Pen, Point, both_sides
from .world import Scene

FACE = both_sides(
    ((0.0, -0.95), (0.7, -0.7), (0.98, -0.05), (0.92, 0.42), (0.56, 0.8), (0.0, 0.93))
)
SHADOW: Path = (
    ((-0.92, -0.2), (-0.5, -0.28), (0.0, -0.22), (0.5, -0.28), (0.92, -0.2), (0.0, -0.8)),
)
BANGS: Path = (
    (
        (-0.98, 0.42),
        (-1.1, 0.0),
        (-0.98, -0.56),
        (-0.56, -1.0),
        (0.0, -1.14),
        (0.56, -1.0),
        (0.98, -0.56),
        (1.1, 0.0),
        (0.98, 0.42),
    ),
    ((0.98, 0.42), (0.88, 0.1), (0.74, -0.3)),
    ((0.74, -0.3), (0.62, -0.12), (0.46, 0.0)),
    ((0.46, 0.0), (0.36, -0.18), (0.28, -0.38)),
    ((0.28, -0.38), (0.16, -0.14), (-0.04, 0.02)),
    ((-0.04, 0.02), (-0.14, -0.18), (-0.2, -0.38)),
    ((-0.2, -0.38), (-0.34, -0.14), (-0.52, -0.02)),
    ((-0.52, -0.02), (-0.66, -0.16), (-0.74, -0.3)),
    ((-0.74, -0.3), (-0.88, 0.1), (-0.98, 0.42)),
)
BAND: Path = (
    ((-0.76, -0.58), (-0.4, -0.76), (0.0, -0.82), (0.4, -0.76), (0.76, -0.58)),
    ((0.76, -0.58), (0.6, -0.56), (0.5, -0.46)),
    ((0.5, -0.46), (0.36, -0.6), (0.2, -0.5)),
    ((0.2, -0.5), (0.06, -0.64), (-0.1, -0.52)),
    ((-0.1, -0.52), (-0.26, -0.62), (-0.42, -0.48)),
    ((-0.42, -0.48), (-0.56, -0.56), (-0.76, -0.58)),
)
LONG_BACK: Path = (
    ((0.0, -1.1), (0.8, -0.86), (1.16, 0.0), (1.22, 0.9), (1.26, 1.5), (1.12, 1.98)),
    ((1.12, 1.98), (0.6, 1.86), (0.0, 1.9), (-0.6, 1.86), (-1.12, 1.98)),
    ((-1.12, 1.98), (-1.26, 1.5), (-1.22, 0.9), (-1.16, 0.0), (-0.8, -0.86), (0.0, -1.1)),
)
SHORT_BACK: Path = (
    ((0.0, -1.1), (0.8, -0.86), (1.16, -0.1), (1.2, 0.5), (1.0, 0.96)),
    ((1.0, 0.96), (0.5, 0.84), (0.0, 0.84), (-0.5, 0.84), (-1.0, 0.96)),
    ((-1.0, 0.96), (-1.2, 0.5), (-1.16, -0.1), (-0.8, -0.86), (0.0, -1.1)),
)
GATHERED_BACK = both_sides(((0.0, -1.1), (0.8, -0.86), (1.0, -0.1), (0.8, 0.5), (0.0, 0.7)))
LONG_TAIL: Path = (
    ((0.84, -0.5), (1.26, -0.78), (1.68, -0.4), (1.8, 0.4), (1.78, 1.2), (1.5, 2.0)),
    ((1.5, 2.0), (1.22, 1.4), (1.1, 0.7), (0.98, 0.1), (0.84, -0.5)),
)
SHORT_TAIL: Path = (
    ((0.84, -0.5), (1.26, -0.8), (1.7, -0.5), (1.84, 0.06), (1.62, 0.66)),
    ((1.62, 0.66), (1.24, 0.5), (1.02, 0.1), (0.84, -0.5)),
)
LONG_PONY: Path = (
    ((-0.5, -0.92), (-0.86, -1.42), (-1.5, -1.2), (-1.78, -0.4), (-1.8, 0.6), (-1.5, 1.6)),
    ((-1.5, 1.6), (-1.26, 1.0), (-1.2, 0.3), (-1.1, -0.3), (-0.5, -0.92)),
)
SHORT_PONY: Path = (
    ((-0.5, -0.92), (-0.86, -1.42), (-1.46, -1.3), (-1.78, -0.7), (-1.66, 0.1)),
    ((-1.66, 0.1), (-1.3, -0.1), (-1.1, -0.4), (-0.5, -0.92)),
)
EAR: Path = (
    ((0.3, -0.98), (0.6, -1.36), (0.9, -1.62)),
    ((0.9, -1.62), (1.06, -1.1), (1.04, -0.5)),
    ((1.04, -0.5), (0.3, -0.98)),
)
INNER_EAR: Path = (
    ((0.56, -1.06), (0.7, -1.26), (0.84, -1.38)),
    ((0.84, -1.38), (0.92, -1.08), (0.92, -0.74)),
    ((0.92, -0.74), (0.56, -1.06)),
)
STRAW_CROWN: Path = (
    ((-0.84, -0.66), (-0.82, -1.2), (-0.4, -1.56), (0.4, -1.56), (0.82, -1.2), (0.84, -0.66)),
    ((0.84, -0.66), (0.0, -0.56), (-0.84, -0.66)),
)
STRAW_RIBBON: Path = (
    ((-0.86, -0.9), (0.0, -0.82), (0.86, -0.9)),
    ((0.86, -0.9), (0.86, -0.64)),
    ((0.86, -0.64), (0.0, -0.54), (-0.86, -0.64)),
    ((-0.86, -0.64), (-0.86, -0.9)),
)
WITCH_CONE: Path = (
    ((-0.78, -0.66), (-0.6, -1.2), (-0.2, -1.74), (0.36, -2.1)),
    ((0.36, -2.1), (0.34, -1.7), (0.56, -1.2), (0.78, -0.66)),
    ((0.78, -0.66), (0.0, -0.56), (-0.78, -0.66)),
)
WITCH_BAND: Path = (
    ((-0.73, -0.92), (0.0, -0.82), (0.69, -0.92)),
    ((0.69, -0.92), (0.79, -0.66)),
    ((0.79, -0.66), (0.0, -0.56), (-0.79, -0.66)),
    ((-0.79, -0.66), (-0.73, -0.92)),
)
LONG_STRANDS: tuple[tuple[Point, ...], ...] = (
    ((1.2, -0.26), (1.38, 0.4), (1.42, 1.2)),
    ((1.42, -0.3), (1.6, 0.4), (1.6, 1.0)),
)
SHORT_STRANDS: tuple[tuple[Point, ...], ...] = (
    ((1.2, -0.26), (1.36, 0.06), (1.44, 0.34)),
    ((1.44, -0.3), (1.6, 0.0), (1.62, 0.2)),
)
LONG_SHINE: tuple[Point, ...] = ((1.14, -0.54), (1.32, -0.58), (1.5, -0.42))
PONY_STRANDS: tuple[tuple[Point, ...], ...] = (
    ((-0.98, -0.84), (-1.32, -0.5), (-1.44, 0.0)),
    ((-1.14, -1.04), (-1.5, -0.7), (-1.62, -0.2)),
)
PONY_SHINE: tuple[Point, ...] = ((-0.86, -1.16), (-1.08, -1.2), (-1.32, -1.08))
BOW: Path = (
    ((0.0, -1.12), (0.34, -1.46), (0.66, -1.5), (0.74, -1.16), (0.66, -0.82), (0.34, -0.86)),
    ((0.34, -0.86), (0.0, -1.12)),
)
SMILE: tuple[Point, ...] = ((-0.23, 0.5), (-0.13, 0.59), (0.0, 0.62), (0.13, 0.59), (0.23, 0.5))
LAUGH: Path = (
    ((-0.25, 0.47), (0.0, 0.5), (0.25, 0.47)),
    ((0.25, 0.47), (0.19, 0.68), (0.0, 0.76), (-0.19, 0.68), (-0.25, 0.47)),
)
FROWN: tuple[Point, ...] = ((-0.2, 0.67), (-0.11, 0.59), (0.0, 0.56), (0.11, 0.59), (0.2, 0.67))
LASH: tuple[Point, ...] = ((0.62, -0.02), (0.7, 0.04), (0.8, 0.02))
SHUT: tuple[Point, ...] = ((0.22, 0.26), (0.32, 0.12), (0.46, 0.08), (0.6, 0.12), (0.7, 0.26))


def draw_back(pen: Pen, scene: Scene, colors: Palette) -> None:
    """What hangs behind the body."""
    hair, long = colors.hair, scene.hair_length == "long"
    if scene.hairstyle == "twintails":
        strands = LONG_STRANDS if long else SHORT_STRANDS
        for side in (pen, _mirrored(pen)):
            side.shape(LONG_TAIL if long else SHORT_TAIL, hair.base)
            _strands(side, strands, LONG_SHINE, hair)
    elif scene.hairstyle == "ponytail":
        pen.shape(LONG_PONY if long else SHORT_PONY, hair.base)
        _strands(pen, PONY_STRANDS, PONY_SHINE, hair)
    gathered = scene.hairstyle in ("twintails", "ponytail")
    back = GATHERED_BACK if gathered else LONG_BACK if long else SHORT_BACK
    pen.shape(back, hair.dark)


def _strands(
    pen: Pen, strands: tuple[tuple[Point, ...], ...], shine: tuple[Point, ...], hair: Shades
) -> None:
    for strand in strands:
        pen.stroke(strand, 0.05, hair.dark)
    pen.stroke(shine, 0.1, hair.light)


def draw_head(pen: Pen, scene: Scene, colors: Palette) -> None:
    """Face, front hair, and headwear, from back to front."""
    hair = colors.hair
    _behind_bangs(pen, scene, hair)
    pen.shape(FACE, SKIN.base)
    pen.shape(SHADOW, SKIN.dark, 0.0)
    _features(pen, scene, colors)
    pen.shape(BANGS, hair.base)
    pen.shape(BAND, hair.light, 0.0)
    if scene.mouth == "frown":
        _brows(pen)
    _headwear(pen, scene)
    _ties(pen, scene)
    if scene.flower:
        _flower(pen, (0.82, -0.5))


def _mirrored(pen: Pen) -> Pen:
    return pen.moved((0, 0), 0, mirror=True)


def _behind_bangs(pen: Pen, scene: Scene, hair: Shades) -> None:
    for side in (pen, _mirrored(pen)):
        if scene.hairstyle == "double_bun":
            side.ellipse((0.78, -0.98), (0.44, 0.44), hair.base)
            side.stroke(((0.6, -1.16), (0.8, -1.22), (0.98, -1.1)), 0.09, hair.light)
        if scene.headwear == "cat_ears":
            side.shape(EAR, hair.base)
            side.shape(INNER_EAR, (255, 176, 186), 0.0)


def _features(pen: Pen, scene: Scene, colors: Palette) -> None:
    for side in (pen, _mirrored(pen)):
        if scene.blush:
            side.ellipse((0.66, 0.5), (0.2, 0.12), BLUSH, 0.0)
        if scene.closed_eyes:
            side.stroke(SHUT, 0.09, INK)
    if not scene.closed_eyes:
        for x in (-0.46, 0.46):
            _eye(pen, x, colors.eyes)
        for side in (pen, _mirrored(pen)):
            side.stroke(LASH, 0.07, INK)
    _mouth(pen, scene.mouth)


def _eye(pen: Pen, x: float, iris: Shades) -> None:
    """Both eyes are lit from the same side, so this is not mirrored."""
    pen.ellipse((x, 0.2), (0.25, 0.33), INK, 0.0)
    pen.ellipse((x, 0.22), (0.2, 0.28), iris.base, 0.0)
    pen.ellipse((x, 0.36), (0.14, 0.12), iris.light, 0.0)
    pen.ellipse((x, 0.2), (0.085, 0.14), iris.dark, 0.0)
    pen.ellipse((x - 0.09, 0.07), (0.09, 0.1), WHITE, 0.0)
    pen.ellipse((x + 0.09, 0.36), (0.045, 0.05), WHITE, 0.0)


def _mouth(pen: Pen, kind: str) -> None:
    if kind == "smile":
        pen.stroke(SMILE, 0.06, INK)
    elif kind == "frown":
        pen.stroke(FROWN, 0.06, INK)
    elif kind == "laugh":
        pen.shape(LAUGH, MOUTH, 0.04)
        pen.ellipse((0.0, 0.68), (0.12, 0.06), TONGUE, 0.0)
    else:
        pen.ellipse((0.0, 0.62), (0.11, 0.13), MOUTH, 0.04)


def _brows(pen: Pen) -> None:
    for side in (pen, _mirrored(pen)):
        side.stroke(((0.2, -0.1), (0.42, -0.2), (0.64, -0.26)), 0.09, INK)


def _headwear(pen: Pen, scene: Scene) -> None:
    if scene.headwear == "straw_hat":
        pen.ellipse((0.0, -0.66), (1.36, 0.26), STRAW.base)
        pen.shape(STRAW_CROWN, STRAW.base)
        pen.stroke(((-0.5, -1.24), (-0.2, -1.38), (0.2, -1.38)), 0.08, STRAW.light)
        pen.shape(STRAW_RIBBON, WHITE, 0.03)
    elif scene.headwear == "witch_hat":
        pen.ellipse((0.0, -0.66), (1.4, 0.26), WITCH.base)
        pen.shape(WITCH_CONE, WITCH.base)
        pen.shape(WITCH_BAND, STRAW.base, 0.03)
    elif scene.headwear == "ribbon":
        for side in (pen, _mirrored(pen)):
            side.shape(BOW, RIBBON.base)
            side.stroke(((0.26, -1.16), (0.5, -1.2)), 0.07, RIBBON.light)
        pen.ellipse((0.0, -1.13), (0.17, 0.19), RIBBON.dark)


def _ties(pen: Pen, scene: Scene) -> None:
    if scene.hairstyle == "twintails":
        for side in (pen, _mirrored(pen)):
            side.ellipse((0.98, -0.5), (0.15, 0.19), WHITE)
    elif scene.hairstyle == "ponytail":
        pen.ellipse((-0.64, -0.98), (0.19, 0.16), WHITE)


def _flower(pen: Pen, at: Point) -> None:
    x, y = at
    # Each petal's ink lies under the next fill, so the rosette gets one outer line.
    petals = [(x, y - 0.2), (x + 0.19, y - 0.06), (x + 0.12, y + 0.17)]
    petals += [(x - 0.12, y + 0.17), (x - 0.19, y - 0.06)]
    for center in petals:
        pen.ellipse(center, (0.18, 0.18), PETAL.base)
    for center in petals:
        pen.ellipse(center, (0.17, 0.17), PETAL.base, 0.0)
    pen.ellipse(at, (0.12, 0.12), STRAW.base, LINE / 2)
