"""Write commands.md and settings.md from the models they are about: ``python docs/make.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from dataprep.cli.arguments import parser_for
from dataprep.fields import Field, fields_of
from dataprep.settings import Settings
from dataprep.stages import STAGES, Stage
from dataprep.training_values import NOVICE
from train.config import Concept, Subset, TrainConfig
from train.printing import FROM_RESOLUTION, SECTIONS

HERE = Path(__file__).parent

COMMANDS_HEAD = """\
# Commands

Made by `python docs/make.py` from the stages' settings; do not edit.

Every command takes its settings from three places: a flag wins over the stage's table in the
project's `dataprep.toml`, the table over the default. Results go to stdout, everything else to
stderr. Exit codes: 0 fine, 1 the work or some items failed, 2 wrong usage, 130 stopped.
"""

SETTINGS_HEAD = """\
# Settings of a training

Made by `python docs/make.py` from the trainer's own model of them; do not edit.

These are the keys of `train.toml`. Sections are for the eye: a key means the same in whichever it
stands, or in none; only `[concept]` and `[[subsets]]` are tables of their own. Relative paths start
at the file's folder. `--set key=value` wins over the file, and an unknown key is an error that
names the nearest known one. The ten in **bold** are what a beginner may want to change.

`–` means: left out. `dataprep train lora --print-config --expert` writes all of them with what
holds for a run. What they do together is in [training.md](training.md), [bases.md](bases.md) and
[networks.md](networks.md).
"""

PARTS = {
    "text": "texts",
    "whole": "whole numbers",
    "number": "numbers",
    "table": "tables",
    "choice": "words",
}
"""What a list is of."""
WORDS = {"text": "text", "path": "path", "whole": "whole number", "number": "number"}
TABLES: Mapping[str, type[Settings]] = {"[concept]": Concept, "[[subsets]]": Subset}
OF_THEIR_OWN = ("concept", "subsets")


def commands_page() -> str:
    """The whole page of commands."""
    return COMMANDS_HEAD + "".join(_command(stage) for stage in STAGES.values())


def _command(stage: Stage) -> str:
    model, _ = stage.load()
    parser = parser_for(stage, model)
    rows = [
        (", ".join(action.option_strings) or action.metavar or action.dest, action.help)
        for action in parser._actions
        if action.help and action.dest not in {"help", "json", "dry_run"}
    ]
    table = [f"| `{str(name).replace('|', '/')}` | {text} |" for name, text in rows]
    lines = [f"\n## dataprep {stage.verb}\n", stage.summary[0].upper() + stage.summary[1:] + "."]
    if table:
        lines += ["", "| setting | |", "|---|---|", *table]
    common = "`--json`, `--dry-run`" if stage.writes else "`--json`"
    return "\n".join([*lines, "", f"Also {common}.", ""]).replace("%%", "%")


def settings_page() -> str:
    """The whole page of the trainer's settings."""
    known = fields_of(TrainConfig)
    sections = [
        _table(f"[{name}]", section, (known[key] for key in section.model_fields))
        for name, section in SECTIONS.items()
    ]
    tables = [_table(name, model, fields_of(model).values()) for name, model in TABLES.items()]
    return SETTINGS_HEAD + "".join([*sections, *tables])


def _table(title: str, model: type[Settings], fields: Iterable[Field]) -> str:
    rows = [_row(field, model) for field in fields if field.name not in OF_THEIR_OWN]
    head = [
        f"\n## {title}\n",
        model.__doc__ or "",
        "",
        "| key | takes | default | |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, ""])


def _row(field: Field, model: type[Settings]) -> str:
    mark = "**" if field.name in NOVICE and model not in TABLES.values() else ""
    cells = (f"{mark}`{field.name}`{mark}", takes(field), default(field), field.words)
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _escaped(cell: str) -> str:
    """A bar would end the cell, in code as well."""
    return cell.replace("``", "`").replace("|", "\\|")


def takes(field: Field) -> str:
    """The kind of a setting's value, and which values there are."""
    if field.kind == "switch":
        return "true, false"
    if field.kind == "choice":
        return ", ".join(f"`{choice}`" for choice in field.choices)
    if field.kind == "list":
        return f"list of {PARTS[field.part]}"
    return WORDS[field.kind] + _range(field)


def _range(field: Field) -> str:
    limits: tuple[tuple[float | None, str], ...] = (
        (field.above, "above {:g}"),
        (field.below, "below {:g}"),
        (field.multiple, "a multiple of {:g}"),
    )
    said = [words.format(limit) for limit, words in limits if limit is not None]
    if field.least is not None and field.most is not None:
        said.insert(0, f"{field.least:g} to {field.most:g}")
    elif field.least is not None:
        said.insert(0, f"{field.least:g} or more")
    return "".join(f", {one}" for one in said)


def default(field: Field) -> str:
    """What holds when a setting is left out."""
    if field.required:
        return "needed"
    if field.name in FROM_RESOLUTION:
        return "by `resolution`"
    return _shown(field.default)


def _shown(value: Any) -> str:
    if value is None or value == () or value == "":
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(_shown(one) for one in value)}]"
    if isinstance(value, float):
        return f"{value:g}"
    return f"`{value}`" if isinstance(value, str) else str(value)


PAGES: Mapping[str, Callable[[], str]] = {
    "commands.md": commands_page,
    "settings.md": settings_page,
}
"""Each page with what makes it."""

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), encoding="utf-8")
