"""The next value of a setting, up or down, as a person would try it. Pure."""

from __future__ import annotations

import math
from typing import Any

from dataprep.fields import Field

SERIES = (1, 2, 5)
"""Steps within a power of ten."""
START = 1
"""Where a whole number begins that was left out."""


def stepped(field: Field, value: Any, by: int, *, doubling: bool = False) -> Any:
    """The value one step on (``by`` 1) or back (-1), within the field's limits.

    Whole numbers go by one (or by what they are multiples of), or by doubling; other numbers by
    1, 2, 5, 10; choices in their order, round and round. A text has no next value.
    """
    if field.kind == "switch":
        return not value
    if field.kind == "choice":
        return _next_choice(field, value, by)
    if field.kind == "whole":
        return _limited(field, _whole(field, value, by, doubling))
    if field.kind == "number":
        return _limited(field, _number(field, value, by, doubling))
    return value


def _next_choice(field: Field, value: Any, by: int) -> Any:
    options = [*([None] if field.nullable else []), *field.choices]
    place = options.index(value) if value in options else 0
    return options[(place + by) % len(options)]


def _whole(field: Field, value: Any, by: int, doubling: bool) -> int | None:
    if value is None:
        return START if by > 0 else None
    number = int(value)
    if field.nullable and by < 0 and number <= (field.least or 0):
        return None
    if not doubling:
        return number + by * int(field.multiple or 1)
    power = math.log2(number) if number > 0 else 0.0
    return int(2 ** (math.floor(power) + 1 if by > 0 else max(0, math.ceil(power) - 1)))


def _number(field: Field, value: Any, by: int, doubling: bool) -> float | None:
    if value is None:
        return 5.0 if by > 0 else None
    number = float(value)
    if doubling:
        return float(_whole(field, number, by, doubling=True) or 1) if number >= 1 else number
    if number <= 0:
        return 1e-5 if by > 0 else 0.0
    rungs = [rung * 10.0**power for power in range(-8, 4) for rung in SERIES]
    if by > 0:
        return next((rung for rung in rungs if rung > number * 1.001), number)
    below = [rung for rung in rungs if rung < number * 0.999]
    # under the smallest that anybody tries, it is off
    return below[-1] if below and below[-1] >= 0.9e-6 else 0.0


def _limited(field: Field, value: Any) -> Any:
    if value is None:
        return None
    if field.least is not None and value < field.least:
        return type(value)(field.least)
    if field.most is not None and value > field.most:
        return type(value)(field.most)
    if field.above is not None and value <= field.above:
        return None if field.nullable else type(value)(1)
    return round(value, 10) if isinstance(value, float) else value
