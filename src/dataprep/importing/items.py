"""What import speaks of: a picture that may be brought in, and how it lies at its source."""

from __future__ import annotations

import posixpath
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dataprep.images import is_picture

Kind = Literal["file", "archive", "animation", "video"]
ARCHIVES = frozenset({".zip", ".cbz", ".tar"})
VIDEOS = frozenset({".mp4", ".m4v", ".mkv", ".webm", ".avi", ".mov"})
CAPTIONS = (".txt", ".caption")
"""Endings of captions beside pictures; the project reads the first."""


def is_wanted(name: str) -> bool:
    """Whether a file's ending is one of a picture, an archive or a video."""
    return is_picture(name) or posixpath.splitext(name)[1].lower() in ARCHIVES | VIDEOS


@dataclass(frozen=True, slots=True)
class Item:
    """A file that may be imported: a picture, or a video that holds some."""

    name: str
    """What it is to be called in the project, with forward slashes."""
    kind: Kind
    source: Path
    """The file, archive or video."""
    part: str = ""
    """Its name in the archive, or which frame."""
    size: int = 0
    mtime_ns: int = 0
    captions: tuple[tuple[str, str], ...] = ()
    """Ending in the project, and the caption file's path or its name in the archive."""

    @property
    def label(self) -> str:
        """How a message calls it."""
        return f"{self.source}: {self.part}" if self.part else str(self.source)


def captions_of(stem: str, there: Container[str]) -> tuple[tuple[str, str], ...]:
    """The captions beside a picture, under the endings they get.

    A lone ``.caption`` becomes ``.txt``, which the project and most trainers read.
    """
    found = {ending: stem + ending for ending in CAPTIONS if stem + ending in there}
    if CAPTIONS[0] not in found and CAPTIONS[1] in found:
        return ((CAPTIONS[0], found[CAPTIONS[1]]),)
    return tuple(found.items())
