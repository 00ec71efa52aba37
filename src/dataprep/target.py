"""What the project knows of its training sizes: the export writes them where the trainer looks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from dataprep.buckets import Target
from dataprep.decisions import encode
from dataprep.journal import PROJECT
from dataprep.store import Store

KEY = "target"
"""The decision about the whole project (``journal.PROJECT``) that holds it."""


def of_size(size: int, step: int = 64) -> Target:
    """The buckets of a square's area, with the sides that suit it (pixels).

    256 to 1024 for 512, as kohya has it, and in the same proportion for other sizes: fixed ones
    would leave no room for any aspect but the square.
    """
    shortest = max(step, min(256, size // 2) // step * step)
    return Target((size, size), True, shortest, max(1024 // step * step, 2 * size), step)


def read(store: Store) -> Target | None:
    """The sizes that the last ``dataprep crop`` decided; None: nothing was decided."""
    text = store.decision(PROJECT, KEY)
    return None if text is None else decoded(text)


def decoded(text: str) -> Target:
    """A target out of stored text."""
    value = json.loads(text)
    return Target(**{**value, "resolution": tuple(value["resolution"])})


def encoded(target: Target) -> str:
    """A target as stored text."""
    return encode(asdict(target))


def title(target: Target) -> str:
    """A target in a few words: "512 px buckets"."""
    width, height = target.resolution
    size = f"{width} px" if width == height else f"{width}×{height} px"
    return f"{size} buckets" if target.buckets else size


def described(target: Target) -> str:
    """A target in full, in one line."""
    if not target.buckets:
        return f"one size, {target.resolution[0]}×{target.resolution[1]}"
    sides = f"sides {target.min_size} to {target.max_size} by {target.step}"
    if target.no_upscale:
        sides = f"sides by {target.step}, nothing enlarged"
    rule = ", chosen by kohya's rule" if target.rule == "kohya" else ""
    return f"{title(target)}, {sides}{rule}"


def check_step(sides: Mapping[str, int], step: int) -> None:
    """Raise ``ValueError``, with what would do, for a side that is no multiple of the step."""
    for name, side in sides.items():
        if side % step:
            below = max(step, side // step * step)
            raise ValueError(
                f"{name}: must be a multiple of {step}, such as {below} or {below + step} "
                f"(got {side})"
            )
