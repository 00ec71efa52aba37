"""sd-scripts' options in the text of a sample's prompt: ``1girl --n lowres --w 512``. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataprep.errors import UsageError
from train.families import LATENT_PIXELS

SHORTEST = 64
"""Shortest side that is drawn, pixels; below it the UNet has nothing left to halve."""
MOST_STEPS = 1000
MOST_GUIDANCE = 1000.0
LARGEST_SEED = 2**64 - 1
"""torch takes no larger ones."""


@dataclass(frozen=True, slots=True)
class SamplePrompt:
    """A sample as its prompt asks for it; None is left to the run's settings."""

    prompt: str
    negative: str = ""
    width: int | None = None
    """Pixels, a multiple of 8; so is the height."""
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """What stands behind a letter."""

    name: str
    takes: str
    """Its value in words."""
    read: Callable[[str], Any] = int
    least: float = 0
    most: float = math.inf


OPTIONS: dict[str, Option] = {
    "n": Option("negative", "a text", str),
    "w": Option("width", f"a whole number, {SHORTEST} or more", least=SHORTEST),
    "h": Option("height", f"a whole number, {SHORTEST} or more", least=SHORTEST),
    "s": Option("steps", f"a whole number, 1 to {MOST_STEPS}", least=1, most=MOST_STEPS),
    "l": Option("guidance", "a number, 1 or more", float, least=1, most=MOST_GUIDANCE),
    "d": Option("seed", f"a whole number, 0 to {LARGEST_SEED}", most=LARGEST_SEED),
}
KNOWN = ", ".join(f"--{letter} {option.name}" for letter, option in OPTIONS.items())


def plain(text: str) -> SamplePrompt:
    """A text that is all prompt, such as a caption: a ``--`` in it is part of it."""
    return SamplePrompt(text)


def parse(prompt: str) -> SamplePrompt:
    """A prompt without its options, and what they ask for, in whatever order they stand.

    Sizes are rounded down to multiples of 8. Raises ``UsageError`` for an option that is not known,
    stands twice, or has no value that can be meant.
    """
    text, *given = re.split(r"(?:^|\s+)--(?=\w)", prompt)
    values: dict[str, Any] = {}
    for option in given:
        name, value = _read(option, prompt)
        if name in values:
            raise UsageError(f"sample prompt {prompt!r}: {name} is given twice", "keep one of them")
        values[name] = value
    return SamplePrompt(text.strip(), **values)


def _read(option: str, prompt: str) -> tuple[str, Any]:
    letter, *rest = option.split(maxsplit=1)
    known = OPTIONS.get(letter)
    if known is None:
        raise UsageError(f"sample prompt {prompt!r}: unknown option --{letter}", f"known: {KNOWN}")
    text = rest[0].strip() if rest else ""
    value = _value(known, text)
    if value is None:
        given = repr(text) if text else "nothing"
        raise UsageError(
            f"sample prompt {prompt!r}: --{letter} ({known.name}) takes {known.takes}, not {given}"
        )
    return known.name, value


def _value(option: Option, text: str) -> Any:
    """What a text means for an option; None: nothing."""
    if option.read is str:
        return text or None
    try:
        value = option.read(text)
    except ValueError:
        return None
    if not option.least <= value <= option.most:
        return None
    is_side = option.name in ("width", "height")
    return value // LATENT_PIXELS * LATENT_PIXELS if is_side else value
