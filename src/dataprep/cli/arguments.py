"""Flags made from a settings model: the same names, help and defaults, written once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from dataprep.errors import UsageError
from dataprep.fields import Field, fields_of, listed
from dataprep.settings import Settings
from dataprep.stages import Stage

PLACES = {
    "train": ("OUT_OR_TOML", None),
    "watch": ("OUT_OR_TOML", None),
    "score": ("OUT_OR_TOML", None),
    "pick": ("OUT_OR_TOML", None),
    "demo": ("DIR", "zumi-demo"),
    "models": ("NAME", "all"),
}
"""What the first argument is called where it is not an existing project, and its default."""


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
    fields = fields_of(model)
    first = next((name for name, field in fields.items() if field.place == "before"), "")
    if first:
        parser.before = first
        parser.usage = f"{parser.prog} [options] SOURCE [SOURCE ...] [DIR]"
        text = f"{fields.pop(first).words} The last is the project DIR, without it this folder."
        parser.add_argument(first, metavar="SOURCE", nargs="+", help=text)
    else:
        place, default = PLACES.get(stage.verb, ("DIR", None))
        optional: dict[str, Any] = {"nargs": "?", "default": Path(default)} if default else {}
        parser.add_argument(
            "target", metavar=place, type=Path, help=_place_help(place, default), **optional
        )
    for field in fields.values():
        _add(parser, field)
    if stage.writes:
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    return parser


def flags_of(model: type[Settings], namespace: argparse.Namespace) -> dict[str, Any]:
    """What was given on the command line, by setting name; lists split at commas."""
    fields = fields_of(model)
    given = {name: value for name, value in vars(namespace).items() if name in fields}
    return {
        name: _listed(value) if fields[name].kind == "list" else value
        for name, value in given.items()
    }


def _add(parser: Parser, field: Field) -> None:
    text = _help(field)
    if field.place:
        parser.add_argument(
            field.name, metavar=field.name.upper(), help=text, nargs="?", default=argparse.SUPPRESS
        )
        return
    common: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS, "help": text}
    if field.kind == "switch":
        parser.add_argument(field.flag, action=argparse.BooleanOptionalAction, **common)
    else:
        action = "append" if field.repeat else "store"
        parser.add_argument(field.flag, metavar=field.metavar, action=action, **common)


def _place_help(place: str, default: str | None) -> str:
    what = "the model" if place == "NAME" else "the folder"
    return f"{what} (default: {default})" if default else what


def _help(field: Field) -> str:
    text = field.words
    if field.required:
        text += " (required)"
    elif field.default not in (None, "", ()):
        text += f" (default: {field.default})"
    return text.replace("%", "%%")


def _listed(value: str | list[str]) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) else listed(value)
