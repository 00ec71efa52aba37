"""Hashes of a base in one file, as kohya's metadata and the programs that read it know it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

OLD, NEW = "ss_sd_model_hash", "ss_new_sd_model_hash"
OLD_START, OLD_LENGTH, OLD_DIGITS = 0x100000, 0x10000, 8
"""The part of a file that AUTOMATIC1111's first hash looked at, bytes, and how much it kept."""


def file_hashes(path: Path) -> dict[str, str]:
    """Both hashes of a file; seven gigabytes take a while, so they are remembered for this run.

    ``ss_new_sd_model_hash`` is the file's SHA-256; ``ss_sd_model_hash`` the first 8 digits of that
    of 64 KiB at 1 MiB, AUTOMATIC1111's first.
    """
    about = path.stat()
    return dict(_hashes(path, about.st_size, about.st_mtime_ns))


@lru_cache(maxsize=8)
def _hashes(path: Path, size: int, changed: int) -> tuple[tuple[str, str], ...]:
    with path.open("rb") as file:
        file.seek(OLD_START)
        old = hashlib.sha256(file.read(OLD_LENGTH)).hexdigest()[:OLD_DIGITS]
        file.seek(0)
        new = hashlib.file_digest(file, "sha256").hexdigest()
    return (OLD, old), (NEW, new)


class FileHashes(Mapping[str, str]):
    """The hashes of one file, computed when they are first asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, key: str) -> str:
        return file_hashes(self._path)[key]

    def __iter__(self) -> Iterator[str]:
        return iter((OLD, NEW))

    def __len__(self) -> int:
        return 2
