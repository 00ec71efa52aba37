"""What a settings model says of its fields, read once for flags and for forms. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from dataprep.settings import in_order

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

Kind = Literal["switch", "choice", "list", "whole", "number", "path", "text", "table"]
Place = Literal["", "before", "behind"]
LISTS = (tuple, list, set, frozenset)
PLAIN: dict[Any, Kind] = {bool: "switch", int: "whole", float: "number", Path: "path"}


@dataclass(frozen=True, slots=True)
class Field:
    """One setting."""

    name: str
    kind: Kind
    words: str
    """Its help on one line."""
    default: Any = None
    """None where there is none, too."""
    required: bool = False
    nullable: bool = False
    """It may be left out, which is a value of its own."""
    choices: tuple[Any, ...] = ()
    """Of a choice, or of the parts of a list."""
    part: Kind = "text"
    """What the parts of a list are."""
    least: float | None = None
    most: float | None = None
    above: float | None = None
    """It must be more than this."""
    below: float | None = None
    """It must be less than this."""
    multiple: float | None = None
    """It must be so many times a whole number."""
    place: Place = ""
    """Where it stands on a command line without a flag, seen from the folder; empty: it has one."""
    repeat: bool = False
    """Its flag is given once for each part of the list."""
    called: str = ""
    """What its value is called in a usage line, where the kind does not say it."""
    owner: str = ""
    """The class of settings that it stands in."""

    @property
    def flag(self) -> str:
        """Its flag; a setting called like a word of Python has an underscore behind it."""
        return "--" + self.name.rstrip("_").replace("_", "-")

    @property
    def metavar(self) -> str:
        """What stands for its value in a usage line."""
        if self.called:
            return self.called
        if self.kind == "choice" and not self.nullable:
            return "|".join(map(str, self.choices))
        if self.kind == "list":
            return "KEY=VALUE" if self.repeat else '"A, B"'
        return {"whole": "N", "number": "X"}.get(self.kind, self.name.upper())


def fields_of(model: type[BaseModel]) -> dict[str, Field]:
    """The settings by name, in the order in which a person reads them."""
    owners = {
        name: base.__name__
        for base in reversed(model.__mro__)
        for name in vars(base).get("__annotations__", {})
    }
    return {name: field(name, info, owners[name]) for name, info in in_order(model).items()}


def field(name: str, info: FieldInfo, owner: str = "") -> Field:
    """What is known of one setting."""
    inner, nullable, metadata = _inner(info.annotation)
    metadata = [*info.metadata, *metadata]
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    positional = extra.get("positional")
    return Field(
        name,
        _kind(inner),
        " ".join((info.description or "").split()),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        required=info.is_required(),
        nullable=nullable,
        choices=_choices(inner),
        part=_kind(_inner(_part(inner))[0]),
        least=_limit(metadata, "ge"),
        most=_limit(metadata, "le"),
        above=_limit(metadata, "gt"),
        below=_limit(metadata, "lt"),
        multiple=_limit(metadata, "multiple_of"),
        place=("before" if positional == "before" else "behind") if positional else "",
        repeat=bool(extra.get("repeat")),
        called=str(extra.get("metavar", "")),
        owner=owner,
    )


def listed(text: str) -> tuple[str, ...]:
    """The parts of a list that is given as one text."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _inner(annotation: Any) -> tuple[Any, bool, list[Any]]:
    """``Annotated[X, …] | None`` as ``(X, True, […])``."""
    nullable, metadata = False, []
    if get_origin(annotation) in (Union, UnionType):
        inner = [part for part in get_args(annotation) if part is not NoneType]
        nullable = len(inner) < len(get_args(annotation))
        # of several kinds one is a text to a person, and pydantic sorts it out
        annotation = inner[0] if len(inner) == 1 else str
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
    return annotation, nullable, metadata


def _kind(inner: Any) -> Kind:
    origin = get_origin(inner)
    if origin is Literal:
        return "choice"
    if origin in LISTS:
        return "list"
    return "table" if hasattr(inner, "model_fields") else PLAIN.get(inner, "text")


def _part(inner: Any) -> Any:
    """What the parts of a list are annotated with."""
    parts = get_args(inner) if get_origin(inner) in LISTS else ()
    return parts[0] if parts else str


def _choices(inner: Any) -> tuple[Any, ...]:
    inner = _part(inner) if get_origin(inner) in LISTS else inner
    return get_args(inner) if get_origin(inner) is Literal else ()


def _limit(metadata: Iterable[Any], name: str) -> float | None:
    # a mark may be a FieldInfo with marks of its own
    marks = (inner for mark in metadata for inner in (mark, *getattr(mark, "metadata", ())))
    found = (getattr(mark, name, None) for mark in marks)
    return next((limit for limit in found if limit is not None), None)
