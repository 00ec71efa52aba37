"""Writing files so that a kill at any moment leaves the old one or the new one, never a half."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

TEMP_SUFFIX = ".dataprep-tmp"
FLUSHED_ALONE = 64
"""So many files are flushed one by one; more of them together with whatever else waits."""


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it is fsynced and takes its name.

    Without ``durable`` the caller flushes many files at once, later.
    """
    temp = Path(temp_beside(str(path.parent), path.name))
    try:
        yield temp
        if durable:
            sync(temp)
        temp.replace(path)
        if durable:
            sync(path.parent)
    finally:
        temp.unlink(missing_ok=True)


def temp_beside(folder: str, name: str) -> str:
    """The temporary file through which this process writes ``name``."""
    # not the name with something behind it: a long name has no room for that
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    return f"{folder}/.{digest}.{os.getpid()}{TEMP_SUFFIX}"


def flush(paths: Collection[str]) -> None:
    """Bring files that were just written to the disk; many by one call where the system has it."""
    if len(paths) > FLUSHED_ALONE and hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        sync(Path(path))


def sync(path: Path) -> None:
    """Flush a file or folder to the disk (a folder: where the system allows it)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDWR if not path.is_dir() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def modified(path: Path) -> float:
    """When a file was written last (seconds since 1970); 0 when there is none."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def write_bytes(path: Path, data: bytes) -> None:
    """Write a whole file atomically and durably."""
    with replacing(path) as temp:
        temp.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically and durably, with ``\\n`` line ends on every system."""
    write_bytes(path, text.encode("utf-8"))


def save(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file that then takes the name ``path``."""
    with replacing(path) as temp:
        write(temp)


def sweep(folder: Path) -> int:
    """Remove temporary files that a killed run left in ``folder``; how many there were."""
    stale = [path for path in folder.glob(f"*{TEMP_SUFFIX}") if path.is_file()]
    for path in stale:
        path.unlink(missing_ok=True)
    return len(stale)


def content_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
