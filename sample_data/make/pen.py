"""A pen that draws smooth outlined shapes, given in units of the head's half width."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageDraw

Point = tuple[float, float]
Color = tuple[int, int, int]
# A closed path: smooth strokes that meet in corners; each starts where the one before ended.
Path = tuple[tuple[Point, ...], ...]
Floats = NDArray[np.float64]

INK: Color = (62, 42, 62)
LINE = 0.055
_STEPS = 6


def both_sides(right: tuple[Point, ...]) -> Path:
    """A closed smooth path from its right half, which starts and ends on the middle line."""
    left = tuple((-x, y) for x, y in right[-2:0:-1])
    return (right + left,)


@dataclass(frozen=True)
class Pen:
    """Draws with an affine map from figure units to canvas pixels.

    `alpha` is 255 for the character and 0 for what lies behind it, so that the canvas's
    alpha channel ends up as the true mask while its colours stay opaque.
    """

    draw: ImageDraw.ImageDraw
    matrix: Floats  # (2, 2)
    origin: Floats  # (2,) pixels
    alpha: int = 255

    def moved(self, pivot: Point, angle: float, mirror: bool = False) -> Pen:
        """The pen turned by `angle` degrees clockwise about `pivot`; mirrored left to right."""
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        turn = self.matrix @ np.array(((cos, -sin), (sin, cos)))
        at = np.array(pivot)
        origin = self.origin + self.matrix @ at - turn @ at
        if mirror:
            turn = turn @ np.array(((-1.0, 0.0), (0.0, 1.0)))
        return replace(self, matrix=turn, origin=origin)

    def shape(self, path: Path, fill: Color, line: float = LINE, ink: Color = INK) -> None:
        """A closed path, filled, with a line of ink `line` units wide around it."""
        points, outward = _closed(path)
        if line and len(path) > 1:
            self._trace(points, line, ink)
        self._solid(points, outward, fill, line, ink)

    def ellipse(
        self, at: Point, radii: Point, fill: Color, line: float = LINE, ink: Color = INK
    ) -> None:
        """An ellipse about `at` with its half axes along x and y."""
        points, outward = _ellipse(at, radii)
        self._solid(points, outward, fill, line, ink)

    def stroke(
        self,
        path: tuple[Point, ...],
        width: float,
        fill: Color,
        line: float = 0.0,
        ink: Color = INK,
    ) -> None:
        """A smooth ribbon with round ends, `width` wide."""
        points, outward = _ribbon(path, width)
        self._solid(points, outward, fill, line, ink)

    def _trace(self, points: Floats, line: float, ink: Color) -> None:
        """Ink along the edge itself: in a narrow notch the widened outlines would cross."""
        placed = (points @ self.matrix.T + self.origin).ravel().tolist()
        scale = math.hypot(self.matrix[0, 0], self.matrix[1, 0])
        self.draw.line(placed + placed[:2], (*ink, self.alpha), max(1, round(2 * line * scale)))

    def _solid(self, points: Floats, outward: Floats, fill: Color, line: float, ink: Color) -> None:
        if line:
            self._fill(points + outward * line, ink)
        self._fill(points, fill)

    def _fill(self, points: Floats, color: Color) -> None:
        placed = points @ self.matrix.T + self.origin
        self.draw.polygon(placed.ravel().tolist(), fill=(*color, self.alpha))


@lru_cache(maxsize=4096)
def _closed(path: Path) -> tuple[Floats, Floats]:
    """Points (n, 2) of a closed path and its outward miters (n, 2) for a line of width 1."""
    if len(path) == 1:
        points = _spline(np.array(path[0]), closed=True)
    else:
        points = np.concatenate([_spline(np.array(part), closed=False)[:-1] for part in path])
    return points, _miters(points)


@lru_cache(maxsize=4096)
def _ellipse(at: Point, radii: Point) -> tuple[Floats, Floats]:
    corners = 60 if max(radii) > 0.6 else 36
    turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
    circle = np.stack((np.cos(turn), np.sin(turn)), axis=1)
    points = circle * np.array(radii) + np.array(at)
    return points, _miters(points)


@lru_cache(maxsize=4096)
def _ribbon(path: tuple[Point, ...], width: float) -> tuple[Floats, Floats]:
    spine = _spline(np.array(path), closed=False)
    along = np.gradient(spine, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    side = np.stack((-along[:, 1], along[:, 0]), axis=1) * width / 2
    head, tail = _cap(spine[-1], -side[-1]), _cap(spine[0], side[0])
    points = np.concatenate((spine - side, head, (spine + side)[::-1], tail))
    return points, _miters(points)


def _cap(center: Floats, side: Floats) -> Floats:
    """The inner points of a half circle that starts at center + side, turning clockwise."""
    turn = np.linspace(0, math.pi, 8)[1:-1]
    ahead = np.array((-side[1], side[0]))
    return np.asarray(center + np.outer(np.cos(turn), side) + np.outer(np.sin(turn), ahead))


def _spline(knots: Floats, closed: bool) -> Floats:
    """Catmull-Rom through knots (k, 2); two knots stay a straight line."""
    if len(knots) == 2:
        return knots
    if closed:
        around = np.concatenate((knots[-1:], knots, knots[:2]))
    else:
        around = np.concatenate((2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]))
    before, start, end, after = around[:-3], around[1:-2], around[2:-1], around[3:]
    t = np.linspace(0, 1, _STEPS, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    points = curve.transpose(1, 0, 2).reshape(-1, 2)
    return points if closed else np.concatenate((points, knots[-1:]))


def _miters(points: Floats) -> Floats:
    """Outward vectors that move every edge of a closed polygon (n, 2) by one unit."""
    edges = np.roll(points, -1, axis=0) - points
    edges /= np.linalg.norm(edges, axis=1, keepdims=True) + 1e-9
    normals = np.stack((edges[:, 1], -edges[:, 0]), axis=1)
    both = normals + np.roll(normals, 1, axis=0)
    length = np.linalg.norm(both, axis=1, keepdims=True) + 1e-9
    # A sharp tip would shoot out without bound; 1.6 line widths look like a drawn point.
    reach = np.minimum(2 / length, 1.6)
    x, y = points[:, 0], points[:, 1]
    area = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    return np.asarray(both / length * reach * (1.0 if area > 0 else -1.0))
