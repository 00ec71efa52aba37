"""A stage's settings as fields of a form, and what a filled form says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dataprep.settings import Settings, in_order

Kind = Literal["switch", "choice", "list", "text"]
Raw = bool | str
"""What a widget holds: the position of a switch, or text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting as a form shows it."""

    name: str
    kind: Kind
    help: str
    start: Raw
    """What stands there at first: the recipe's value, else the default."""
    choices: tuple[Any, ...] = ()
    required: bool = False
    nullable: bool = False
    """An empty text means None."""


def fields_of(model: type[Settings], recipe: Mapping[str, Any]) -> list[Field]:
    """The fields of a stage's form, ``recipe`` being its table in ``dataprep.toml``."""
    return [
        _field(name, info, recipe.get(name, info.get_default(call_default_factory=True)))
        for name, info in in_order(model).items()
    ]


def values_of(fields: Sequence[Field], raw: Mapping[str, Raw]) -> dict[str, Any]:
    """What the form holds, as ``dataprep.settings.build`` takes it; empty required fields lack."""
    values: dict[str, Any] = {}
    for field in fields:
        entry = raw[field.name]
        if isinstance(entry, bool):
            values[field.name] = entry
        elif entry or not field.required:
            values[field.name] = _value(field, entry)
    return values


def _field(name: str, info: FieldInfo, start: Any) -> Field:
    annotation, nullable = _without_none(info.annotation)
    origin = get_origin(annotation)
    kind: Kind = "text"
    if annotation is bool:
        kind = "switch"
    elif origin is Literal:
        kind = "choice"
    elif origin in (tuple, list, frozenset, set):
        kind = "list"
    return Field(
        name,
        kind,
        _help(info),
        start is True if kind == "switch" else _text(start),
        choices=get_args(annotation) if kind == "choice" else (),
        required=info.is_required(),
        nullable=nullable,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """``X | None`` as ``(X, True)``; a union of several stays text, pydantic sorts it out."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    inner = [part for part in get_args(annotation) if part is not NoneType]
    return (inner[0] if len(inner) == 1 else str), len(inner) < len(get_args(annotation))


def _help(info: FieldInfo) -> str:
    text = " ".join((info.description or "").split())
    low = next((mark.ge for mark in info.metadata if getattr(mark, "ge", None) is not None), None)
    high = next((mark.le for mark in info.metadata if getattr(mark, "le", None) is not None), None)
    if low is not None and high is not None:
        return f"{text} {low} to {high}."
    return text


def _value(field: Field, entry: str) -> Any:
    if field.kind == "list":
        return tuple(part.strip() for part in entry.split(",") if part.strip())
    if not entry and field.nullable:
        return None
    # a choice may be a number, which the text of it is not
    return next((choice for choice in field.choices if str(choice) == entry), entry)


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(str(part) for part in value)
    # pydantic's mark of a missing default is not text either
    return str(value) if isinstance(value, (str, int, float, Path)) else ""
