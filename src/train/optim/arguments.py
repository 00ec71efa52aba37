"""``optimizer_args``: key=value texts, checked against what the optimizer's class takes."""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dataprep.errors import UsageError

Parameters = Mapping[str, inspect.Parameter]
KEYWORDS = {"true": True, "false": False, "none": None}
RATES = ("params", "lr")
"""Given by the run itself."""


def parameters_of(cls: type) -> Parameters:
    """The arguments of a class by name."""
    return inspect.signature(cls).parameters


def parse(texts: Iterable[str], cls: type, name: str) -> dict[str, Any]:
    """The arguments by name, each a Python literal or a word: ``betas=0.9,0.99`` is a pair.

    Raises ``UsageError`` for an argument that ``cls`` does not take, for one given twice, and for a
    value of the wrong kind.
    """
    parameters = parameters_of(cls)
    arguments: dict[str, Any] = {}
    for text in texts:
        key, _, value = (part.strip() for part in text.partition("="))
        if key in arguments:
            raise UsageError(f"optimizer_args: {key} is given twice", "keep one of them")
        _check_name(key, cls, parameters, name)
        arguments[key] = _literal(key, value)
        if key in parameters:
            _check_kind(key, arguments[key], parameters[key].default)
    return arguments


def _check_name(key: str, cls: type, parameters: Parameters, name: str) -> None:
    if key == "lr":
        raise UsageError(
            "optimizer_args: lr is not given here", "set unet_lr and text_encoder_lr instead"
        )
    takes = [known for known in parameters if _is_named(parameters[known]) and known not in RATES]
    if key in takes or (_takes_anything(parameters) and _reads(cls, key)):
        return
    close = difflib.get_close_matches(key, takes, n=1)
    nearest = f"did you mean {close[0]}? " if close else ""
    raise UsageError(
        f"optimizer_args: {name} takes no argument '{key}'", f"{nearest}it takes {', '.join(takes)}"
    )


def _is_named(parameter: inspect.Parameter) -> bool:
    return parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _takes_anything(parameters: Parameters) -> bool:
    return any(one.kind == one.VAR_KEYWORD for one in parameters.values())


def _reads(cls: type, key: str) -> bool:
    """Whether a class that swallows every argument names this one anywhere in its file."""
    try:
        source = inspect.getsource(sys.modules[cls.__module__])
    except OSError:
        return False
    return f"'{key}'" in source or f'"{key}"' in source


def _literal(key: str, value: str) -> Any:
    if value.lower() in KEYWORDS:
        return KEYWORDS[value.lower()]
    try:
        literal = ast.literal_eval(value)
    except (ValueError, SyntaxError):
        if value.isidentifier():
            return value
        raise UsageError(
            f"optimizer_args: {key}={value} is no value", "write a number, True, False or a, b"
        ) from None
    return tuple(literal) if isinstance(literal, list) else literal


def _check_kind(key: str, value: Any, default: Any) -> None:
    """Compare with the kind of the default, where there is one that tells."""
    if value is None or default is None or default is inspect.Parameter.empty:
        return
    wanted = _kind(default)
    if _kind(value) != wanted:
        raise UsageError(f"optimizer_args: {key} must be {wanted} (got {value!r})")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "True or False"
    if isinstance(value, int | float):
        return "a number"
    return "several numbers, such as 0.9,0.99" if isinstance(value, tuple | list) else "a word"
