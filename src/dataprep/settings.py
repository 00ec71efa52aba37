"""Settings of a stage: one typed model from which flags, form, TOML section and docs are made.

``dataprep.toml`` has a table per stage. A flag on the command line wins over the file, the file
over the default.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from dataprep.errors import UsageError

RECIPE = "dataprep.toml"


class Settings(BaseModel):
    """Base of every stage's settings: frozen, and unknown names are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _parts(value: object) -> object:
    """One text is a list, separated by commas."""
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_parts)]
"""A setting of names that a recipe may also give as one text."""


class Selected(Settings):
    """Base of the stages that work on pictures one by one: on which, and on which captions."""

    where: str = ""
    """Only pictures that this holds for, such as 'tag:"long hair" AND NOT solo'; docs/filters.md
    has every word of it."""
    caption_extension: Literal[".txt", ".caption"] | None = None
    """Which caption file beside a picture is meant; without it the one of the recipe's table
    [scan], or .txt."""


S = TypeVar("S", bound=Settings)


def in_order(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The settings in the order in which a person reads them: a stage's own before the common."""
    fields = model.model_fields
    own = [name for base in model.__mro__ for name in vars(base).get("__annotations__", {})]
    return {name: fields[name] for name in dict.fromkeys(own) if name in fields}


PLAIN_WORDS = {
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
}
"""What pydantic says of these is for programmers."""


def build(model: type[S], values: Mapping[str, Any], where: str) -> S:
    """Settings out of plain values; ``where`` names the source in the error sentence.

    Raises ``UsageError`` for an unknown name (with the nearest known one) or a bad value.
    """
    check_names(model, values, where)
    try:
        return model(**values)
    except ValidationError as error:
        raise UsageError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    """The first thing that is wrong: the setting's name, what is allowed, what was given."""
    first = error.errors()[0]
    plain = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    reason = PLAIN_WORDS.get(first["type"], plain)
    if not first["loc"]:
        return reason
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"{name}: is required"
    return f"{name}: {reason} (got {first['input']!r})"


def check_names(model: type[BaseModel], values: Mapping[str, Any], where: str) -> None:
    """Raise ``UsageError`` for a name the model does not have, with the nearest one it has."""
    for name in values:
        if name not in model.model_fields:
            close = difflib.get_close_matches(name, model.model_fields, n=1)
            known = ", ".join(model.model_fields)
            hint = f"did you mean '{close[0]}'?" if close else f"known: {known}"
            raise UsageError(f"{where}: unknown setting '{name}'", hint)


def read_toml(path: Path, hint: str = "") -> dict[str, Any]:
    """The tables of a TOML file. Raises ``UsageError`` naming the file and, where known, the line.

    ``hint`` says what to do when there is no such file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file", hint) from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text at byte {error.start}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None


def read_recipe(root: Path) -> dict[str, dict[str, Any]]:
    """The tables of ``dataprep.toml`` in ``root``; empty when there is no such file."""
    path = root / RECIPE
    tables = read_toml(path) if path.is_file() else {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(
                f"{path}: '{name}' stands outside a table", "settings belong under [stage]"
            )
    return tables


def for_stage(model: type[S], verb: str, root: Path | None, flags: Mapping[str, Any]) -> S:
    """Settings of one stage: defaults, then ``dataprep.toml`` in ``root``, then ``flags``.

    A path in the file starts at the project, one in a flag at the current folder.
    """
    table = read_recipe(root).get(verb, {}) if root is not None else {}
    check_names(model, table, f"{RECIPE} [{verb}]")
    paths = {
        name: (root or Path()) / value
        for name, value in table.items()
        if model.model_fields[name].annotation in (Path, Path | None) and isinstance(value, str)
    }
    return build(model, {**table, **paths, **flags}, f"dataprep {verb}")
