"""The page of commands is what the settings say, and the README's commands exist."""

import re
import runpy
import shlex
from pathlib import Path

import pytest

from dataprep.cli.arguments import parser_for
from dataprep.stages import STAGES

ROOT = Path(__file__).parent.parent


def test_the_page_of_commands_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make.py"))
    assert (ROOT / "docs" / "commands.md").read_text(encoding="utf-8") == made["page"]()


def readme_commands() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.findall(r"^ {4}dataprep (.+?)(?:  +#.*)?$", text, re.MULTILINE)


@pytest.mark.parametrize("line", readme_commands())
def test_the_readmes_commands_parse(line: str) -> None:
    verb, *arguments = shlex.split(line)
    if verb == "tui":
        return
    stage = STAGES[verb]
    parser_for(stage, stage.load()[0]).parse_args(arguments)
