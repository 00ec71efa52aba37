"""How often each picture is repeated, and how many steps that makes. Pure.

steps = images × repeats × epochs ÷ batch, each bucket rounded up to whole batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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
    accumulated: int = 1
    """Batches that make one step together."""
    doubled: bool = False
    """Regularization pictures are trained on as often as the others."""


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
    pictures = images * (2 if length.doubled else 1)
    exact = steps * length.batch * length.accumulated / (pictures * length.epochs)
    repeats = min(max(round(exact), fewest), most)
    reason = (
        f"{steps} steps × {_per_step(length)} ÷ ({images} images{_with_reg(length)} "
        f"× {length.epochs} epochs) "
        f"= {exact:.1f} repeats"
    )
    if not fewest <= round(exact) <= most:
        taken = steps * length.batch * length.accumulated
        epochs = max(1, round(taken / (pictures * repeats)))
        reason += (
            f"; {kind} bears {fewest} to {most}, so {repeats}: "
            f"max_train_epochs = {epochs} would make up for it"
        )
    return Choice(repeats, reason)


def steps_of(uses: Mapping[Any, int], length: Length) -> int:
    """Optimizer steps of a run; ``uses`` counts images × repeats of every bucket."""
    batches = sum(-(-count // length.batch) for count in uses.values())
    return length.epochs * -(-batches // length.accumulated)


def arithmetic(
    parts: Mapping[str, tuple[int, int]], uses: Mapping[Any, int], length: Length
) -> str:
    """The sum as a person would write it; ``parts`` maps concepts to (images, repeats).

    ``uses`` counts the regularization pictures as well, where there are any.
    """
    sums = [f"{images} images × {repeats} repeats" for images, repeats in parts.values()]
    whole = sums[0] if len(sums) == 1 else "(" + " + ".join(sums) + ")"
    total = sum(images * repeats for images, repeats in parts.values())
    pictures = total * (2 if length.doubled else 1) * length.epochs
    plain = pictures / length.batch / length.accumulated
    line = f"{whole}{_with_reg(length)} × {length.epochs} epochs ÷ {_per_step(length)}"
    line += f" = {plain:.0f} steps"
    real = steps_of(uses, length)
    if real != round(plain):
        line += f" ({real} with the part-filled batches of {_buckets(len(uses))})"
    return line


def _with_reg(length: Length) -> str:
    return " × 2 with the regularization pictures" if length.doubled else ""


def _per_step(length: Length) -> str:
    if length.accumulated == 1:
        return str(length.batch)
    return f"({length.batch} × {length.accumulated} batches a step)"


def _buckets(number: int) -> str:
    return "1 bucket" if number == 1 else f"{number} buckets"
