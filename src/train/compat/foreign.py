"""What a reader found in a file: kohya's option names with their values, before any rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from train.compat.report import Left


@dataclass(frozen=True, slots=True)
class Foreign:
    """The options of a file written for another program."""

    source: str
    """The format, in words."""
    options: Mapping[str, Any]
    """By sd-scripts' option names; what no reader knows keeps the name it has in the file."""
    names: Mapping[str, str] = field(default_factory=dict)
    """How an option is called in the file, where that differs."""
    said: Mapping[str, Any] = field(default_factory=dict)
    """What the file says of an option, where that is another unit than the option's."""
    silent: frozenset[str] = frozenset()
    """Options of which the file says nothing; their values are the program's own."""
    ignored: tuple[Left, ...] = ()
    """What the reader itself left, and why."""
    refused: tuple[Left, ...] = ()
    unknown: tuple[str, ...] = ()
    """Words of a command line that are no option at all."""


@dataclass(frozen=True, slots=True)
class Source:
    """A text and where it stands."""

    path: Path
    text: str
    encoding: str = "UTF-8"

    def beside(self, name: str) -> Path:
        """A file that the text names: from its own folder if there, else the current one."""
        path = placed(name, self.path.parent)
        return path if isinstance(path, Path) else Path(path)


def placed(name: str, folder: Path, start: Path | None = None) -> Path | str:
    """A path of a foreign file: absolute ones stay; others from the file's folder if there.

    What is not there starts at ``start``, by default the current folder, as sd-scripts has it. A
    path of Windows read elsewhere stays the text it is.
    """
    if len(name) > 1 and name[1] == ":" and Path(name).drive == "":
        return name
    try:
        path = Path(name).expanduser()
    except RuntimeError:
        path = Path(name)
    if not path.is_absolute() and "\\" in name and not exists(folder / path):
        path = Path(name.replace("\\", "/"))
    if path.is_absolute():
        return path
    here = folder.absolute() / path
    return here if exists(here) else (start or Path.cwd()) / path


def exists(path: Path) -> bool:
    """Whether there is such a path; a text that can be no path names none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
