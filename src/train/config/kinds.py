"""Kinds of values that settings of the trainer share. No torch here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from dataprep.errors import UsageError
from train.families import LATENT_PIXELS
from train.prompts import parse


def sides(value: Any) -> Any:
    """``512``, ``"512,768"`` and ``[512, 768]`` are all a (width, height)."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, int) or (isinstance(value, list) and len(value) == 1):
        side = value if isinstance(value, int) else value[0]
        value = [side, side]
    return value


def _listed(value: Any) -> Any:
    """One text is a list, separated by commas; a number alone is a list of one."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return (value,) if isinstance(value, int | float) else value


def _words(value: Any) -> Any:
    """As a list; a number among texts is one."""
    listed = _listed(value)
    if not isinstance(listed, list | tuple):
        return listed
    return tuple(
        str(part) if isinstance(part, int | float) and not isinstance(part, bool) else part
        for part in listed
    )


def _texts(value: Any) -> Any:
    """One text is a list of one."""
    return (value,) if isinstance(value, str) else value


def _no_file(prompt: str) -> str:
    """kohya's sample_prompts may name a file; to draw its name would be no answer."""
    if prompt.endswith((".txt", ".json", ".toml")):
        raise ValueError("write the prompts themselves as a list, not the name of a file")
    try:
        parse(prompt)
    except UsageError as error:
        raise ValueError(str(error)) from None
    return prompt


def _pairs(value: Any) -> Any:
    """``key=value`` texts; one whose value has commas may have been cut at them."""
    if isinstance(value, str):
        value = value.split()
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        return value
    whole: list[str] = []
    for part in value:
        if "=" not in part and whole:
            whole[-1] += f",{part}"
        else:
            whole.append(part)
    return tuple(whole)


def _is_pair(text: str) -> str:
    if "=" not in text:
        raise ValueError("must be key=value")
    return text


Side = Annotated[int, Field(ge=LATENT_PIXELS)]
Resolution = Annotated[tuple[Side, Side], BeforeValidator(sides)]
Rate = Annotated[float, Field(ge=0, le=1)]
LearningRate = Annotated[float, Field(ge=0)]
Strength = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]
Every = Annotated[int, Field(ge=0)]
"""Every so many epochs or steps; 0: never."""
Prompt = Annotated[str, Field(min_length=1), AfterValidator(_no_file)]
Prompts = Annotated[tuple[Prompt, ...], BeforeValidator(_texts)]
Pair = Annotated[str, AfterValidator(_is_pair)]
Pairs = Annotated[tuple[Pair, ...], BeforeValidator(_pairs)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_listed)]
Wholes = Annotated[tuple[Annotated[int, Field(ge=0)], ...], BeforeValidator(_listed)]
Texts = Annotated[tuple[str, ...], BeforeValidator(_words)]
