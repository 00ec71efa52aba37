"""How often each picture is repeated, and how many steps that makes. Pure.

steps = images × repeats × epochs ÷ batch, each bucket rounded up to whole batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["anime", "person", "object"]

RANGES: dict[Kind, tuple[int, int]] = {"anime": (7, 15), "person": (20, 30), "object": (30, 100)}
"""Repeats people go by for a concept of each kind, fewest and most."""
USUAL: dict[Kind, int] = {"anime": 10, "person": 25, "object": 50}
"""What is taken when no number of steps is wished for."""


@dataclass(frozen=True, slots=True)
class Length:
    """How long a training is."""

    epochs: int
    batch: int


@dataclass(frozen=True, slots=True)
class Choice:
    """A number of repeats and why."""

    repeats: int
    reason: str


def choose(images: int, kind: Kind, steps: int, length: Length) -> Choice:
    """Repeats for so many images: near ``steps`` (0: no wish), within what the kind bears."""
    fewest, most = RANGES[kind]
    if steps == 0 or images == 0:
        usual = USUAL[kind]
        return Choice(usual, f"{usual} repeats, usual for {kind} ({fewest} to {most})")
    exact = steps * length.batch / (images * length.epochs)
    repeats = min(max(round(exact), fewest), most)
    reason = (
        f"{steps} steps × {length.batch} ÷ ({images} images × {length.epochs} epochs) "
        f"= {exact:.1f} repeats"
    )
    if not fewest <= round(exact) <= most:
        epochs = max(1, round(steps * length.batch / (images * repeats)))
        reason += (
            f"; {kind} bears {fewest} to {most}, so {repeats}: "
            f"max_train_epochs = {epochs} would make up for it"
        )
    return Choice(repeats, reason)


def steps_of(uses: Mapping[object, int], length: Length) -> int:
    """Optimizer steps of a run; ``uses`` counts images × repeats of every bucket."""
    return length.epochs * sum(-(-count // length.batch) for count in uses.values())


def arithmetic(
    parts: Mapping[str, tuple[int, int]], uses: Mapping[object, int], length: Length
) -> str:
    """The sum as a person would write it; ``parts`` maps concepts to (images, repeats)."""
    sums = [f"{images} images × {repeats} repeats" for images, repeats in parts.values()]
    whole = sums[0] if len(sums) == 1 else "(" + " + ".join(sums) + ")"
    total = sum(images * repeats for images, repeats in parts.values())
    plain = total * length.epochs / length.batch
    line = f"{whole} × {length.epochs} epochs ÷ {length.batch} = {plain:.0f} steps"
    real = steps_of(uses, length)
    if real != round(plain):
        line += f" ({real} with the part-filled batches of {_buckets(len(uses))})"
    return line


def _buckets(number: int) -> str:
    return "1 bucket" if number == 1 else f"{number} buckets"
