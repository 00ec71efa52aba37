"""A model's settings as fields of a form, and what a filled form says. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataprep import fields
from dataprep.fields import listed
from tui.words import N_, _

if TYPE_CHECKING:
    from dataprep.settings import Settings

Raw = bool | str
"""What a widget holds: the position of a switch, or text."""
GROUPS = {
    "Choosing": N_("Which tags are written"),
    "Rewriting": N_("Captions that are there already"),
    "Subject": N_("What the concept is"),
    "Selected": N_("Which pictures"),
    "Limits": N_("In every stage"),
    "Engine": N_("Where it runs"),
}
"""Settings that several stages share → the heading above them."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting as a form shows it."""

    about: fields.Field
    start: Raw
    """What stands there at first."""
    usual: Raw
    """The default."""
    group: str = ""
    """The heading it stands below; translated when it is drawn."""

    @property
    def name(self) -> str:
        """The setting's name."""
        return self.about.name

    @property
    def kind(self) -> fields.Kind:
        """What sort of value it has."""
        return self.about.kind


def called(name: str) -> str:
    """What a setting is called in the language of the interface."""
    return _(name.strip("_").replace("_", " "))


def fields_of(model: type[Settings], values: Mapping[str, Any]) -> list[Field]:
    """The fields of a form that begins with these values beside the defaults.

    A table inside the settings is no field of a form.
    """
    known = fields.fields_of(model)
    return [
        Field(
            about,
            _raw(about, values.get(name, about.default)),
            _raw(about, about.default),
            GROUPS.get(about.owner, "") if about.owner != model.__name__ else "",
        )
        for name, about in known.items()
        if about.kind != "table"
    ]


def values_of(fields: Sequence[Field], raw: Mapping[str, Raw]) -> dict[str, Any]:
    """What the form holds, as ``dataprep.settings.build`` takes it; empty required fields lack."""
    values: dict[str, Any] = {}
    for field in fields:
        entry = raw[field.name]
        if isinstance(entry, bool):
            values[field.name] = entry
        elif entry or not field.about.required:
            values[field.name] = _value(field.about, entry)
    return values


def found(fields: Sequence[Field], text: str) -> list[Field]:
    """The settings with these words in their name; where there are none, in their help."""
    words = text.casefold().replace("_", " ").split()
    named = [field for field in fields if _has(field.name.replace("_", " "), words)]
    return named or [field for field in fields if _has(field.about.words, words)]


def _has(text: str, words: Sequence[str]) -> bool:
    return all(word in text.casefold() for word in words)


def _value(about: fields.Field, entry: str) -> Any:
    if about.kind == "list" and about.part == "whole":
        return [int(part) if part.isdecimal() else part for part in listed(entry)]
    if about.kind == "list":
        return listed(entry)
    if not entry and about.nullable:
        return None
    # a choice may be a number, which the text of it is not
    return next((choice for choice in about.choices if str(choice) == entry), entry)


def _raw(about: fields.Field, value: Any) -> Raw:
    return value is True if about.kind == "switch" else _text(value)


def _text(value: Any) -> str:
    if isinstance(value, (tuple, list, set, frozenset)):
        return ", ".join(str(part) for part in value)
    return str(value) if isinstance(value, (str, int, float, Path)) else ""
