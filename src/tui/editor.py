"""Opening a file in the person's own editor."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from textual.app import App, SuspendNotSupported

from tui.words import _

VARIABLES = ("VISUAL", "EDITOR")
USUAL = ("nano", "vim", "vi", "micro", "emacs")


def edit_file(app: App[None], path: Path) -> str:
    """Edit a file outside; empty when that went well, else a sentence what did not."""
    command = command_for(path, os.environ)
    if not command:
        return _("no editor was found; set the variable EDITOR to one")
    try:
        with app.suspend():
            ended = subprocess.run(command, check=False)
    except SuspendNotSupported:
        return _("no other program can take this screen; edit {path} by itself").format(path=path)
    except OSError as error:
        reason = error.strerror or str(error)
        return _("{editor}: {reason}").format(editor=command[0], reason=reason)
    if ended.returncode:
        said = _("{editor} ended with status {status}")
        return said.format(editor=command[0], status=ended.returncode)
    return ""


def command_for(path: Path, environment: Mapping[str, str]) -> list[str]:
    """The command that edits a file: what a variable says, else an editor found here."""
    for name in VARIABLES:
        if said := environment.get(name, "").strip():
            return [*shlex.split(said, posix=sys.platform != "win32"), str(path)]
    usual = ("notepad",) if sys.platform == "win32" else USUAL
    found = next((name for name in usual if shutil.which(name)), "")
    return [found, str(path)] if found else []
