"""Which pictures show the same: perceptual hashes, near pairs, and groups around the best of each.

The hash proposes and the thumbnail decides: a hash of 64 bits cannot tell open eyes from closed
ones, so every proposed pair is laid one upon the other, and one bold spot keeps it apart.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from dataprep.jobs import Job
from dataprep.looks import THUMB, Look
from dataprep.register import alike
from dataprep.stars import Ray, stars
from dataprep.store import Picture

Kind = Literal["exact", "near", "mirrored", "turned"]
LOW = 8
"""Frequencies of the cosine transform that the hash keeps, across and down."""
FLAT = 2.0
"""A thumbnail that varies less (standard deviation, levels) has only noise in its hash."""
ASPECT = 1.1
"""A copy is at most so many times wider or narrower in shape."""
MANY = 4096
"""Thumbnails hashed at once."""

AS_IT_IS, MIRRORED = 0, 4
"""Variants go by number: 0 to 3 quarter turns to the left, and 4 more for the mirrored picture."""


@dataclass(frozen=True, slots=True)
class Other:
    """A picture that shows what another one shows."""

    name: str
    distance: int
    """Bits in which the hashes differ, 0..64."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Group:
    """The best picture of its kind, and those that are like it."""

    keep: str
    others: tuple[Other, ...]


def variants(*, mirrored: bool, turned: bool) -> tuple[int, ...]:
    """The variants under which a copy is still one, the picture as it is among them."""
    return tuple(range(0, 8 if mirrored else 4, 1 if turned else 4))


def groups(
    pictures: Sequence[Picture],
    looks: Mapping[str, Look],
    distance: int,
    variants: Sequence[int] = (AS_IT_IS,),
    *,
    spots: bool = False,
    fixed: Collection[str] = (),
) -> Job[list[Group]]:
    """Groups of pictures that show the same, by the name of the best.

    ``looks`` are by content hash; a picture without one is only compared by its content, and so is
    a flat one. ``distance`` is the most bits by which hashes may differ; ``variants`` are the turns
    and mirrorings under which a copy is still one; ``spots``: one bold spot (closed eyes) does not
    keep pictures apart. Pictures named in ``fixed`` come before all others and are in nobody's
    group. Parts of one file are never copies of each other.
    """
    ranked = sorted(pictures, key=lambda p: (p.name not in fixed, -quality(p, looks), p.name))
    same: dict[str, list[Picture]] = defaultdict(list)
    for picture in ranked:
        same[picture.sha].append(picture)
    firsts = [found[0] for found in same.values()]
    rays = yield from _rays(firsts, looks, distance, variants, spots, fixed)
    taken = {other for star in rays.values() for other, _ in star}
    found = [
        Group(first.name, others)
        for first in firsts
        if first.sha not in taken
        and (others := tuple(_others(first, same, rays.get(first.sha, []), fixed)))
    ]
    return sorted(found, key=lambda group: group.keep)


def _others(
    first: Picture,
    same: Mapping[str, list[Picture]],
    star: list[tuple[str, Ray]],
    fixed: Collection[str],
) -> list[Other]:
    """Exact copies, then those like it, the nearest first."""
    exact = [Other(p.name, 0, "exact") for p in same[first.sha][1:] if p.name not in fixed]
    near = [
        Other(picture.name, ray.distance, _kind(ray.variant))
        for sha, ray in sorted(star, key=lambda found: found[1].distance)
        for picture in same[sha]
    ]
    return exact + near


def _kind(variant: int) -> Kind:
    if variant == AS_IT_IS:
        return "near"
    return "mirrored" if variant == MIRRORED else "turned"


def _rays(
    firsts: list[Picture],
    looks: Mapping[str, Look],
    distance: int,
    variants: Sequence[int],
    spots: bool,
    fixed: Collection[str],
) -> Job[dict[str, list[tuple[str, Ray]]]]:
    """For the content hash of each best picture, those of the pictures like it."""
    seen = [picture for picture in firsts if picture.sha in looks]
    thumbs = thumbnails([looks[picture.sha] for picture in seen])
    lively = ~flat(thumbs)
    seen = [picture for picture, keeps in zip(seen, lively, strict=True) if keeps]
    thumbs = thumbs[lively]
    codes = np.stack([hashes(turned(thumbs, variant)) for variant in variants])
    firm = np.array([picture.name in fixed for picture in seen], bool)
    accept = partial(_accept, seen, thumbs, variants, spots)
    found = yield from stars(codes, hashes(thumbs), distance, accept, firm)
    return {
        seen[centre].sha: [
            (seen[r.place].sha, Ray(r.place, r.distance, variants[r.variant])) for r in star
        ]
        for centre, star in found.items()
    }


def _accept(
    pictures: list[Picture],
    thumbs: np.ndarray,
    variants: Sequence[int],
    spots: bool,
    centre: int,
    places: np.ndarray,
    which: np.ndarray,
) -> np.ndarray:
    """Of proposed places those that show the centre; ``which`` counts in ``variants``."""
    mine = pictures[centre]
    good = np.array(
        [_could_be(mine, pictures[p], variants[w]) for p, w in zip(places, which, strict=True)],
        bool,
    )
    for number, variant in enumerate(variants):
        asked = np.flatnonzero(good & (which == number))
        if len(asked):
            one = turned(thumbs[centre : centre + 1], variant)[0]
            good[asked] = alike(one, thumbs[places[asked]], spots=spots)
    return good


def _could_be(mine: Picture, other: Picture, variant: int) -> bool:
    """Whether they are of two files, and of one shape when the first is turned so."""
    if (mine.file or mine.name) == (other.file or other.name):
        return False
    width, height = (mine.height, mine.width) if variant % 2 else (mine.width, mine.height)
    across, down = width * other.height, height * other.width
    return max(across, down) <= ASPECT * min(across, down)


def quality(picture: Picture, looks: Mapping[str, Look]) -> float:
    """How good a copy is, the larger the better.

    A sum of logarithms: four times that of the area (pixels), that of the sharpness, and half that
    of the bytes per pixel, which for lossless formats are those of the pixels themselves. So
    resolution leads, but 5 % more of it do not make up for blur, and no threshold turns a hair's
    breadth into a verdict.
    """
    return round(sum(_merits(picture, looks).values()), 6)


def _merits(picture: Picture, looks: Mapping[str, Look]) -> dict[str, float]:
    """The parts of a picture's quality, by what it is when it has more of that."""
    look = looks.get(picture.sha)
    sharpness = look.measures.sharpness if look else 0.0
    whole = picture.frame.whole
    lossless = picture.format in {"PNG", "BMP", "TIFF"} and picture.mode != "P"
    dense = 3.0 if lossless else min(3.0, picture.size / (whole[0] * whole[1]))
    return {
        "larger": 4 * math.log(picture.width * picture.height),
        "sharper": math.log(sharpness + 1),
        "denser": 0.5 * math.log(dense),
    }


def advantage(best: Picture, others: Sequence[Picture], looks: Mapping[str, Look]) -> str:
    """In what a picture is most ahead of the next best: larger, sharper or denser; else "same"."""
    rival = max(others, key=lambda picture: quality(picture, looks))
    mine, theirs = _merits(best, looks), _merits(rival, looks)
    ahead = max(mine, key=lambda merit: mine[merit] - theirs[merit])
    return ahead if round(mine[ahead] - theirs[ahead], 6) > 0 else "same"


def thumbnails(looks: Sequence[Look]) -> np.ndarray:
    """The thumbnails of looks, (n, 24, 24, 3) uint8 RGB."""
    data = b"".join(look.thumb for look in looks)
    return np.frombuffer(data, np.uint8).reshape(-1, THUMB, THUMB, 3)


def turned(thumbs: np.ndarray, variant: int) -> np.ndarray:
    """Thumbnails (n, h, w, 3) of the pictures turned and mirrored; squares, so nothing is lost."""
    mirrored = thumbs[:, :, ::-1] if variant >= 4 else thumbs
    return np.rot90(mirrored, variant % 4, axes=(1, 2))


def luminance(thumbs: np.ndarray) -> np.ndarray:
    """Rec. 601 luminance of (…, 3) RGB, float32, 0..255."""
    return thumbs.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def flat(thumbs: np.ndarray) -> np.ndarray:
    """Which thumbnails (n, 24, 24, 3) are too even to be hashed, (n,) bool."""
    parts = range(0, len(thumbs), MANY)
    deviations = [luminance(thumbs[at : at + MANY]).std(axis=(1, 2)) for at in parts]
    return np.concatenate([np.empty(0, np.float32), *deviations]) < FLAT


def hashes(thumbs: np.ndarray) -> np.ndarray:
    """The 64-bit perceptual hashes of thumbnails (n, 24, 24, 3), (n,) uint64.

    The low 8 × 8 frequencies of the luminance's cosine transform, each above or below their median
    (pHash, after C. Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
    2010). The mean of the picture does not take part in the median.
    """
    along = np.arange(LOW)[:, None] * (2 * np.arange(THUMB) + 1)
    cosines = np.cos(np.pi * along / (2 * THUMB)).astype(np.float32)
    codes = np.empty(len(thumbs), np.uint64)
    for at in range(0, len(thumbs), MANY):
        waves = cosines @ luminance(thumbs[at : at + MANY]) @ cosines.T
        waves = waves.reshape(-1, LOW * LOW)
        bits = waves > np.median(waves[:, 1:], axis=1, keepdims=True)
        codes[at : at + MANY] = np.packbits(bits, axis=1).view(np.uint64)[:, 0]
    return codes
