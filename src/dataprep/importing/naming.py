"""Names in a project: such as every system allows, and never two pictures on one caption. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

ILLEGAL = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
"""What Windows allows in no name."""
RESERVED = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
MOST_BYTES = 200
"""Of a part of a name; file systems end at 255, and captions and views need some."""


def mended(name: str) -> str:
    """A name that every system allows and no listing hides: ``a?.png`` as ``a_.png``."""
    return "/".join(_mended(part) for part in name.split("/"))


def _mended(part: str) -> str:
    part = ILLEGAL.sub("_", unicodedata.normalize("NFC", part)).lstrip(".").rstrip(". ")
    path = PurePosixPath(part or "_")
    stem = path.stem.rstrip(". ") or "_"
    if stem.split(".")[0].casefold() in RESERVED:
        stem = f"_{stem}"
    room = MOST_BYTES - len(path.suffix.encode())
    return stem.encode()[: max(room, 1)].decode(errors="ignore") + path.suffix


class Names:
    """Which names of a project are taken. Two pictures that differ only in ending share one.

    So do names that differ in case alone: there are file systems that cannot tell them apart.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._taken: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._taken[_key(name)].append(name)

    def choose(self, wanted: str, is_same: Callable[[str], bool]) -> tuple[str, bool]:
        """A free name, taken herewith; or that of a picture that is the same, and True."""
        name, number = wanted, 2
        while holders := self._taken.get(_key(name)):
            if same := next(filter(is_same, holders), None):
                return same, True
            name, number = _numbered(wanted, number), number + 1
        self._taken[_key(name)].append(name)
        return name, False

    def holder(self, wanted: str) -> str:
        """Who has a name that could not be had."""
        return next(iter(self._taken.get(_key(wanted), [])), "")


def _key(name: str) -> str:
    stem = str(PurePosixPath(name).with_suffix(""))
    return unicodedata.normalize("NFC", stem).casefold()


def _numbered(name: str, number: int) -> str:
    """``a.jpg`` as ``a-2.jpg``."""
    path = PurePosixPath(name)
    return str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
