"""Flags made from a settings model: the same names, help and defaults, written once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from dataprep.errors import UsageError
from dataprep.settings import Settings, in_order
from dataprep.stages import Stage

PLACES = {
    "train": ("OUT_OR_TOML", None),
    "score": ("OUT_OR_TOML", None),
    "demo": ("DIR", "zumi-demo"),
    "models": ("NAME", "all"),
}
"""What the first argument is called where it is not an existing project, and its default."""
BEFORE = "before"
"""Marks the positional setting that stands before the folder."""


class Parser(argparse.ArgumentParser):
    """argparse that speaks through our one error."""

    before: str = ""
    """The setting whose values stand before the folder; of a single value the folder is here."""

    def parse_args(self, arguments: Sequence[str]) -> argparse.Namespace:  # type: ignore[override]
        """Read the arguments; the last of what stands before the folder is the folder."""
        namespace = super().parse_args(arguments)
        if self.before:
            values: list[str] = getattr(namespace, self.before)
            namespace.target = Path(values.pop()) if len(values) > 1 else Path()
        return namespace

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage and leaving."""
        raise UsageError(f"{self.prog}: {message}", f"see `{self.prog} --help`")


def parser_for(stage: Stage, model: type[Settings]) -> Parser:
    """The parser of one command. Values stay text: the settings model reads and checks them."""
    parser = Parser(
        prog=f"dataprep {stage.verb}",
        description=stage.summary,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    fields = in_order(model)
    first = next((name for name in fields if _extra(fields[name]).get("positional") == BEFORE), "")
    if first:
        parser.before = first
        parser.usage = f"{parser.prog} [options] SOURCE [SOURCE ...] [DIR]"
        text = f"{_words(fields.pop(first))} The last is the project DIR, without it this folder."
        parser.add_argument(first, metavar="SOURCE", nargs="+", help=text)
    else:
        place, default = PLACES.get(stage.verb, ("DIR", None))
        optional: dict[str, Any] = {"nargs": "?", "default": Path(default)} if default else {}
        parser.add_argument(
            "target", metavar=place, type=Path, help=_place_help(place, default), **optional
        )
    for name, field in fields.items():
        _add(parser, name, field)
    if stage.writes:
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def flags_of(model: type[Settings], namespace: argparse.Namespace) -> dict[str, Any]:
    """What was given on the command line, by setting name; lists split at commas."""
    given = {name: value for name, value in vars(namespace).items() if name in model.model_fields}
    return {
        name: _listed(value) if _is_list(model.model_fields[name]) else value
        for name, value in given.items()
    }


def _extra(field: FieldInfo) -> dict[str, Any]:
    return field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}


def _add(parser: Parser, name: str, field: FieldInfo) -> None:
    extra = _extra(field)
    text = _help(field)
    if extra.get("positional"):
        parser.add_argument(
            name, metavar=name.upper(), help=text, nargs="?", default=argparse.SUPPRESS
        )
        return
    # a setting called like a word of Python has an underscore behind it
    flag = "--" + name.rstrip("_").replace("_", "-")
    common: dict[str, Any] = {"dest": name, "default": argparse.SUPPRESS, "help": text}
    if field.annotation is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **common)
    else:
        action = "append" if extra.get("repeat") else "store"
        parser.add_argument(flag, metavar=_metavar(name, field), action=action, **common)


def _place_help(place: str, default: str | None) -> str:
    what = "the model" if place == "NAME" else "the folder"
    return f"{what} (default: {default})" if default else what


def _words(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _help(field: FieldInfo) -> str:
    text = _words(field)
    if field.is_required():
        text += " (required)"
    elif field.default not in (None, "", ()):
        text += f" (default: {field.default})"
    return text.replace("%", "%%")


def _metavar(name: str, field: FieldInfo) -> str:
    kinds = [field.annotation, *get_args(field.annotation)]
    if metavar := _extra(field).get("metavar"):
        return str(metavar)
    if get_origin(field.annotation) is Literal:
        return "|".join(map(str, get_args(field.annotation)))
    if _is_list(field):
        return '"A, B"' if not field.json_schema_extra else "KEY=VALUE"
    if int in kinds:
        return "N"
    return "X" if float in kinds else name.upper()


def _is_list(field: FieldInfo) -> bool:
    kinds = [field.annotation]
    if get_origin(field.annotation) in (Union, UnionType):
        kinds = list(get_args(field.annotation))
    return any(get_origin(kind) is tuple for kind in kinds)


def _listed(value: str | list[str]) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(value)
    return tuple(part.strip() for part in value.split(",") if part.strip())
