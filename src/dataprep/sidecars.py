"""Many caption files brought from one text to another, so that a kill never leaves half of one.

New texts are written into a folder apart, flushed together, and only then take their names: a file
is always a whole one, and a hundred thousand cost two flushes. A file that somebody else changed
in between stays as it is.
"""

from __future__ import annotations

import io
import os
import posixpath
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

from dataprep import files
from dataprep.journal import Change, settle

EXTENSION = ".txt"
DESK = "edit-"

Stamp = tuple[int, int, int] | None
"""Time, size and number of a file; None: there is none."""


class Ready(NamedTuple):
    """A file whose new text is written."""

    change: Change
    path: str
    temp: str
    """Empty: the file is to go."""
    stamp: Stamp


def file_of(change: Change) -> str:
    """The caption file that a change is about, inside the project."""
    return stem(change.name) + (change.key or EXTENSION)


@lru_cache(maxsize=1 << 18)
def stem(name: str) -> str:
    """A picture's name without its extension; asked for many times of each."""
    return posixpath.splitext(name)[0]


def read(path: str) -> tuple[bytes | None, Stamp]:
    """A file and what it was when it was read; None: there is none."""
    try:
        with io.FileIO(path) as stream:
            status = os.fstat(stream.fileno())
            return stream.read(), (status.st_mtime_ns, status.st_size, status.st_ino)
    except FileNotFoundError:
        return None, None


class Desk:
    """A folder of its own where new texts wait for their names; leave it and it is gone.

    One for each edit: on a file system without a journal Linux looks again and again at the files
    that a folder lost a moment ago.
    """

    def __init__(self, state: Path) -> None:
        self._folder = tempfile.mkdtemp(prefix=DESK, dir=state)
        self._device = Path(self._folder).stat().st_dev
        self._near: dict[str, bool] = {}
        self._beside: list[str] = []
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        for temp in self._beside:
            Path(temp).unlink(missing_ok=True)

    def put(self, path: str, text: str) -> str:
        """Write what ``path`` is to hold; the temporary file, which can be renamed to it."""
        folder, name = os.path.split(path)
        if folder not in self._near:
            self._near[folder] = Path(folder).stat().st_dev == self._device
        if not self._near[folder]:
            # a folder of another disk, by a link: no file can be renamed into it from here
            temp = files.temp_beside(folder, name)
            self._beside.append(temp)
        else:
            self._count += 1
            temp = f"{self._folder}/{self._count}"
        with io.FileIO(temp, "w") as stream:
            stream.write(text.encode("utf-8"))
        return temp


def sweep(state: Path) -> None:
    """Remove what killed runs left; only whoever may write to the project calls this."""
    for folder in state.glob(f"{DESK}*"):
        shutil.rmtree(folder, ignore_errors=True)


def carry_out(root: Path, state: Path, changes: Sequence[Change]) -> list[Change]:
    """Give every file its after-text, durably; the changes that somebody else was before.

    ``state`` is the folder for what is ours, on the disk that ``root`` is on.
    """
    if not changes:
        return []
    conflicts: list[Change] = []
    ready: list[Ready] = []
    with Desk(state) as desk:
        for change in changes:
            _prepare(root, change, desk, ready, conflicts)
        files.flush([row.temp for row in ready if row.temp])
        conflicts += _take_names(ready)
    for folder in {os.path.dirname(row.path) for row in ready}:  # noqa: PTH120
        files.sync(Path(folder))
    return conflicts


def _prepare(
    root: Path, change: Change, desk: Desk, ready: list[Ready], conflicts: list[Change]
) -> None:
    """Write the new text, unless it is there already or somebody was before."""
    path = f"{root}/{file_of(change)}"
    data, stamp = read(path)
    try:
        action = settle(change, None if data is None else data.decode("utf-8"))
    except UnicodeDecodeError:
        action = "conflict"
    if action == "conflict":
        conflicts.append(change)
    elif action == "write":
        temp = "" if change.after is None else desk.put(path, change.after)
        ready.append(Ready(change, path, temp, stamp))


def _take_names(ready: Iterable[Ready]) -> Iterator[Change]:
    """Let the new texts take their names; the changes whose file changed meanwhile."""
    for row in ready:
        if stamp_of(row.path) != row.stamp:
            yield row.change
        elif row.temp:
            # strings: a Path would take as long as the rest
            os.replace(row.temp, row.path)  # noqa: PTH105
        else:
            Path(row.path).unlink()


def stamp_of(path: str) -> Stamp:
    """What a file is now."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
