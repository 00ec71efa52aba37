"""The recipe ``dataprep.toml`` as a thing that is written to, and stages as command lines."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import Table

from dataprep import files
from dataprep.errors import UsageError
from dataprep.fields import Field, fields_of
from dataprep.settings import RECIPE, in_order, read_recipe
from dataprep.stages import STAGES

DEFAULT_OUT = "lora"
"""Where a project is exported to unless its recipe says otherwise."""


def training_folder(root: Path) -> Path:
    """Where ``export`` writes and ``train`` and ``score`` read: the recipe's, else ``lora``."""
    return root / str(read_recipe(root).get("export", {}).get("out", DEFAULT_OUT))


def remember(root: Path, verb: str, values: Mapping[str, Any]) -> None:
    """Set values in a stage's table; comments and all else stay. None takes a value out.

    A value may be the text of one, as a form has it. Raises ``UsageError`` for a file that is no
    TOML.
    """
    read_recipe(root)
    known = fields_of(STAGES[verb].load()[0])
    path = root / RECIPE
    before = path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    document = tomlkit.parse(before)
    table = document.get(verb)
    if not isinstance(table, Table):
        table = tomlkit.table()
        document[verb] = table
    for name, value in values.items():
        if value is None:
            table.pop(name, None)
        elif table.get(name) != (plain := _plain(value, known.get(name))):
            table[name] = plain
    after = tomlkit.dumps(document)
    if after != before:
        files.write_text(path, after)


def command_line(
    verb: str, target: str, values: Mapping[str, Any], recipe: Mapping[str, Any] | None = None
) -> str:
    """The command of a stage with these settings; those that hold without a word are left out.

    ``recipe`` is the stage's table in ``dataprep.toml``. A value may be the text of one.
    """
    model, _ = STAGES[verb].load()
    fields = in_order(model)
    table = recipe or {}
    before: list[str] = []
    behind: list[str] = []
    flags: list[str] = []
    for name, value in values.items():
        info = fields.get(name)
        if info is None:
            raise UsageError(f"dataprep {verb}: unknown setting '{name}'")
        extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
        holds = table.get(name, info.get_default(call_default_factory=True))
        positional = bool(extra.get("positional"))
        if value is None or (not positional and _joined(value) == _joined(holds)):
            continue
        flag = "--" + name.rstrip("_").replace("_", "-")
        listed = isinstance(value, (tuple, list))
        if extra.get("positional") == "before":
            before += [str(part) for part in value] if listed else [str(value)]
        elif positional:
            behind.append(_joined(value))
        elif isinstance(value, bool):
            flags.append(flag if value else "--no-" + flag.removeprefix("--"))
        elif extra.get("repeat") and listed:
            flags += [word for part in value for word in (flag, str(part))]
        else:
            flags += [flag, _joined(value)]
    return shlex.join(["dataprep", verb, *before, target, *behind, *flags])


def _joined(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ", ".join(str(part) for part in value)
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _plain(value: Any, field: Field | None) -> Any:
    """A value as TOML has it; the text of a number becomes one."""
    if isinstance(value, (tuple, list)):
        return [_plain(part, None) for part in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str) and field is not None:
        if field.kind in ("whole", "number"):
            with suppress(ValueError):
                return int(value) if field.kind == "whole" else float(value)
        return next((choice for choice in field.choices if str(choice) == value), value)
    return value
