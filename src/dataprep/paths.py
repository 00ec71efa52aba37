"""Folders as a person walks through them: what one holds, what a half-typed path may mean."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from dataprep.errors import UsageError
from dataprep.images import is_picture
from dataprep.importing.items import is_wanted

WINDOWS = re.compile(r"(?:[A-Za-z]:|\\)\\")
"""How a path of Windows begins: there a backslash hides nothing."""
ADDRESS = "file://"


@dataclass(frozen=True, slots=True)
class Listing:
    """What lies in a folder, sorted, without what is hidden."""

    folder: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]
    """Those that can be imported: pictures, archives, videos."""

    @property
    def pictures(self) -> int:
        """How many of the files are pictures."""
        return sum(is_picture(name) for name in self.files)


def listing(folder: Path) -> Listing:
    """What lies in a folder. Raises ``UsageError`` for one that cannot be listed."""
    where = absolute(str(folder))
    try:
        with os.scandir(where) as found:
            entries = [(entry.name, _is_folder(entry)) for entry in found]
    except FileNotFoundError:
        raise UsageError(f"{where}: no such folder") from None
    except NotADirectoryError:
        raise UsageError(f"{where}: is a file, not a folder") from None
    except OSError as error:
        raise UsageError(f"{where}: cannot be opened ({error.strerror})") from None
    shown = [(name, is_folder) for name, is_folder in entries if not name.startswith(".")]
    shown.sort(key=lambda entry: (entry[0].casefold(), entry[0]))
    return Listing(
        where,
        tuple(name for name, is_folder in shown if is_folder),
        tuple(name for name, is_folder in shown if not is_folder and is_wanted(name)),
    )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def absolute(text: str) -> Path:
    """A typed path from the root on; a tilde is one's home, and links stay as they are."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        path = Path(text)  # the tilde of a user there is none of is part of a name
    return Path(os.path.normpath(Path.cwd() / path))


def completed(text: str, *, files: bool = False) -> str | None:
    """The path that a half-typed one may mean: the first that begins so; None when none does.

    Folders end with a slash, so that one can go on. ``files``: what can be imported counts too.
    """
    head, start = os.path.split(text)
    if not start or start.startswith("."):
        return None
    try:
        found = listing(Path(head or "."))
    except UsageError:
        return None
    names = [f"{name}{os.sep}" for name in found.folders] + list(found.files if files else ())
    # typed in the other case the letters are put right
    exact = (name for name in names if name.startswith(start))
    close = (name for name in names if name.casefold().startswith(start.casefold()))
    match = next(exact, None) or next(close, None)
    return None if match is None else text[: len(text) - len(start)] + match


def typed(text: str) -> list[str]:
    """The paths and patterns in what was typed, pasted or dropped, each without its quotes.

    A terminal gives a dropped file as it would have to be typed: quoted, with backslashes before
    blanks, or as a ``file://`` address; several stand side by side or one a line. A line that is
    itself the name of something is that, blanks, brackets and all.
    """
    return [word for line in text.splitlines() for word in _words(line.strip())]


def _words(line: str) -> list[str]:
    if not line:
        return []
    if exists(line):
        return [line]
    try:
        words = shlex.split(line, posix=not WINDOWS.match(line.lstrip("'\"")))
    except ValueError:
        words = [line]  # a lone quote belongs to the name
    return [plain for word in words if (plain := _plain(word))]


def _plain(word: str) -> str:
    """A ``file://`` address as a path; what Windows leaves in quotes without them."""
    if word.startswith(ADDRESS):
        return unquote(urlsplit(word).path)
    return word[1:-1] if len(word) > 1 and word[0] == word[-1] and word[0] in "'\"" else word


def exists(word: str) -> bool:
    """Whether a word is the path of something."""
    try:
        return absolute(word).exists()
    except (OSError, ValueError):
        return False


def line_of(words: list[str]) -> str:
    """Paths and patterns as one line that ``typed`` reads back."""
    if len(words) == 1 and exists(words[0]):
        return words[0]
    return " ".join(shlex.quote(word) for word in words)


def new_folder(parent: Path, name: str) -> Path:
    """A folder of this name that is not there yet, with a number behind it if need be."""
    numbered = (parent / (name if number == 1 else f"{name}-{number}") for number in range(1, 1000))
    return next((place for place in numbered if not place.exists()), parent / name)


def at_home(path: Path) -> str:
    """A path as people write it: with a tilde for their home."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)
