"""Write docs/commands.md from the table of stages: ``python docs/make.py``."""

from __future__ import annotations

from pathlib import Path

from dataprep.cli.arguments import parser_for
from dataprep.stages import STAGES, Stage

PAGE = Path(__file__).with_name("commands.md")

HEAD = """\
# Commands

Made by `python docs/make.py` from the stages' settings; do not edit.

Every command takes its settings from three places: a flag wins over the stage's table in the
project's `dataprep.toml`, the table over the default. Results go to stdout, everything else to
stderr. Exit codes: 0 fine, 1 the work or some items failed, 2 wrong usage, 130 stopped.
"""


def page() -> str:
    """The whole page."""
    return HEAD + "".join(_section(stage) for stage in STAGES.values())


def _section(stage: Stage) -> str:
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


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
