"""Writing files so that a kill at any moment leaves the old one or the new one, never a half."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

TEMP_SUFFIX = ".dataprep-tmp"
BINARY = getattr(os, "O_BINARY", 0)
"""On Windows: write what is given, line ends and all."""
FLUSHED_ALONE = 64
"""So many files are flushed one by one; more of them together with whatever else waits."""


@contextmanager
def replacing(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path``; on success it is fsynced and takes its name.

    Without ``durable`` the caller flushes many files at once, later.
    """
    temp = Path(_temp(str(path.parent), path.name))
    try:
        yield temp
        if durable:
            sync(temp)
        temp.replace(path)
        if durable:
            sync(path.parent)
    finally:
        temp.unlink(missing_ok=True)


def _temp(folder: str, name: str) -> str:
    # not the name with something behind it: a long name has no room for that
    digest = hashlib.blake2b(name.encode(), digest_size=6).hexdigest()
    return f"{folder}/.{digest}.{os.getpid()}{TEMP_SUFFIX}"


def read_bytes(path: str) -> bytes | None:
    """A whole file; None when there is none."""
    try:
        with io.FileIO(path) as stream:
            return stream.read()
    except FileNotFoundError:
        return None


def put_text(path: str, text: str, *, durable: bool = True) -> None:
    """Write UTF-8 text atomically; without ``durable`` the caller flushes many files at once.

    As ``replacing``, for files by the hundred thousand: a third of its time.
    """
    folder, name = os.path.split(path)
    temp = _temp(folder, name)
    try:
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | BINARY, 0o666)
        try:
            with open(handle, "wb", buffering=0, closefd=False) as stream:
                stream.write(text.encode("utf-8"))
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        # strings: a Path would take as long as all the rest
        os.replace(temp, path)  # noqa: PTH105
    except BaseException:
        Path(temp).unlink(missing_ok=True)
        raise
    if durable:
        sync(Path(folder))


def flush(paths: Iterable[Path]) -> None:
    """Bring many files that were just written to the disk, by one call where the system has it."""
    if hasattr(os, "sync"):
        os.sync()
        return
    for path in paths:
        if path.is_file():
            sync(path)


def sync(path: Path) -> None:
    """Flush a file or folder to the disk (a folder: where the system allows it)."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDWR if not path.is_dir() else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
