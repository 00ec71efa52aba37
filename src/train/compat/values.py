"""Values as other programs write them: numbers as texts, switches as 0 and 1, empty for unset."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

Convert = Callable[[Any], Any]
"""From a value of a file to ours; ``ValueError`` says what it must be."""

ON = ("true", "1", "yes", "on", "$true")
OFF = ("false", "0", "no", "off", "none", "$false")
LONGEST = 60


def shown(value: Any, longest: int = LONGEST) -> str:
    """A value for a line of the report or of an error: one line of so many letters at most."""
    text = value if isinstance(value, str) and value.isprintable() and value else repr(value)
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def is_unset(value: Any) -> bool:
    """Whether a program that wrote this meant that it was left empty."""
    return value is None or (isinstance(value, str | list) and len(value) == 0)


def flag(value: Any) -> bool:
    """A switch: true, "true", 1 and "1"; an empty text is off."""
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in ON or word in OFF or not word:
        return word in ON
    raise ValueError("must be true or false")


def number(value: Any) -> float:
    """A finite number, also written as a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    try:
        found = float(value)
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None
    if not math.isfinite(found):
        raise ValueError("must be a finite number")
    return found


def whole(value: Any) -> int:
    """A whole number, also written as 4.0 or "4"."""
    found = number(value)
    if found != int(found):
        raise ValueError("must be a whole number")
    return int(found)


def text(value: Any) -> str:
    """A text; a number is written out."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("must be a text")
    return str(value)


def listed(value: Any) -> list[str]:
    """A list of texts; one text is cut at its commas."""
    parts = value if isinstance(value, list) else text(value).split(",")
    return [text(part).strip() for part in parts if text(part).strip()]


def numbers(value: Any) -> list[float]:
    """A list of numbers, in a list or a text with commas or spaces."""
    return [number(part) for part in listed(_commas(value))]


def wholes(value: Any) -> list[int]:
    """A list of whole numbers, in a list or a text with commas or spaces."""
    return [whole(part) for part in listed(_commas(value))]


def _commas(value: Any) -> Any:
    return ",".join(value.replace(",", " ").split()) if isinstance(value, str) else value


def arguments(value: Any) -> dict[str, str]:
    """``key=value`` arguments of a network or an optimizer, in a table, a list or one text."""
    if isinstance(value, dict):
        value = [f"{key}={text(entry)}" for key, entry in value.items() if not is_unset(entry)]
    parts = value if isinstance(value, list) else text(value).split()
    words = [word for part in parts for word in _pairs(text(part))]
    found: dict[str, str] = {}
    for word in words:
        key, sign, given = word.partition("=")
        if not sign or not key.strip():
            raise ValueError("must be key=value")
        found[key.strip()] = given.strip().strip("\"'")
    return found


def _pairs(part: str) -> list[str]:
    """The pairs of one argument: a script may have written several into one."""
    words = part.split()
    several = len(words) > 1 and all("=" in word for word in words)
    return words if several else [part.strip()] if part.strip() else []


def extension(value: Any) -> str:
    """Ending of a caption file, with its dot."""
    found = text(value).strip()
    return found if found.startswith(".") else f".{found}"


def resolution(value: Any) -> list[int]:
    """Width and height out of 512, "512", "512,768", "512x768" and [512, 768]."""
    if isinstance(value, str):
        value = value.lower().replace("x", ",").replace("*", ",").strip("()[] ")
    sides = wholes(value if isinstance(value, str | list) else [value])
    if len(sides) not in (1, 2):
        raise ValueError("must be a width and a height")
    return [sides[0], sides[-1]]
