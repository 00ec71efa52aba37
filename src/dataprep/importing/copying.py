"""Into the project by reflink where the file system can, else by copy; the source is only read."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from pathlib import Path

from dataprep import files
from dataprep.images import BadImage

FICLONE = 0x40049409
"""The request for a reflink in Linux (linux/fs.h): blocks are shared until one side changes."""
NO_REFLINK = frozenset({errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.EPERM})


def copy(source: Path, to: Path) -> None:
    """Give ``to`` the bytes of ``source``."""
    if not _reflink(source, to):
        shutil.copyfile(source, to)


def _reflink(source: Path, to: Path) -> bool:
    if sys.platform != "linux":
        return False
    import fcntl

    with source.open("rb") as old, to.open("wb") as new:
        try:
            fcntl.ioctl(new.fileno(), FICLONE, old.fileno())
        except OSError as error:
            if error.errno in NO_REFLINK:
                return False
            raise
    return True


def place(path: Path, source: Path, *, size: int, mtime_ns: int, move: bool) -> None:
    """Put a whole file at ``path``, which must be free, with the time of its source.

    ``size`` (bytes) is what was looked at: ``BadImage`` when it is another by now. Of what is ours
    (``move``) the bytes are taken along instead of copied.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with files.replacing(path) as temp:
        if move:
            source.replace(temp)
        else:
            copy(source, temp)
        if temp.stat().st_size != size:
            raise BadImage("was changed while it was read; import it again")
        if path.exists():
            raise BadImage(f"{path.name} came up in the project meanwhile; import it again")
        os.utime(temp, ns=(mtime_ns, mtime_ns))


def place_caption(path: Path, data: bytes) -> bool:
    """Write a caption where there is none; False when another one is there."""
    if path.exists():
        return path.read_bytes() == data
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write_bytes(path, data)
    return True
