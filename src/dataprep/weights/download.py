"""One file from the network to the disk: resumed, checked, and only then under its name.

huggingface_hub (since its version 2) throws away what an interrupted download has brought, and
checks only the size of what came by plain HTTP. So the bytes are fetched here, into the cache as
huggingface_hub lays it out; its own tools find them there.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dataprep import files
from dataprep.errors import DataprepError
from dataprep.weights.places import hub_cache, hub_folder
from dataprep.weights.watch import Patience, Watch
from dataprep.weights.web import Lost, Web

PART = ".incomplete"
"""Ends the name of a file that is not all here yet; huggingface_hub's own ending."""
BLOCK = 1 << 20
SHA256, SHA1 = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{40}")
PARTIAL = 206
OUT_OF_RANGE = 416
LOCK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Piece:
    """A file to fetch."""

    url: str
    what: str
    """Its name in sentences."""
    size: int | None = None
    digest: str = ""
    """SHA-256, or git's SHA-1 of a file; anything else is not checked."""
    hint: str = ""


def into_cache(web: Web, repository: str, commit: str, path: str, piece: Piece) -> None:
    """Fetch a file of the hub into its cache, unless it is there. Raises ``DataprepError``.

    Processes that want the same file wait for each other, by huggingface_hub's own lock.
    """
    folder = hub_folder(repository)
    pointer = folder / "snapshots" / commit / path
    blob = folder / "blobs" / piece.digest
    lock = hub_cache() / ".locks" / folder.name / f"{piece.digest}.lock"
    with _disk(piece, blob):
        with _alone(lock, web.watch):
            if not pointer.is_file():
                if not blob.is_file():
                    bring(web, piece, blob)
                _point(pointer, blob)
        web.watch.finished(pointer.stat().st_size)


def into_folder(web: Web, piece: Piece, path: Path) -> None:
    """Fetch a file that lies elsewhere than at the hub. Raises ``DataprepError``."""
    with _disk(piece, path), _alone(path.with_name(f"{path.name}.lock"), web.watch):
        if not path.is_file():
            bring(web, piece, path)
        web.watch.finished(path.stat().st_size)


def set_reference(repository: str, revision: str, commit: str) -> None:
    """Let a branch or tag mean a commit, once all that is wanted of it is here."""
    if revision != commit:
        reference = hub_folder(repository) / "refs" / revision
        reference.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(reference, commit)


def bring(web: Web, piece: Piece, path: Path) -> None:
    """Fetch, check, and give a file its name. A part that is here already is gone on with.

    Raises ``DataprepError``, ``OSError``, or ``Stopped``; what has arrived is then kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + PART)
    while True:
        resumed = _size(part) > 0
        _room(piece, part)
        _pour(web, piece, part)
        if _is_right(part, piece, web.watch):
            break
        part.unlink()
        if not resumed:
            raise _wrong(piece)
    files.sync(part)
    part.replace(path)
    files.sync(path.parent)


def _pour(web: Web, piece: Piece, part: Path) -> None:
    """Fetch into ``part`` what it lacks; a cut connection is taken up again where it ended."""
    patience = Patience(web.watch, piece.what, piece.hint)
    while piece.size is None or _size(part) < piece.size:
        web.watch.note = piece.what
        try:
            with web.stream(piece.url, _size(part)) as answer:
                whole = _write(answer, piece, part, web.watch, patience)
            if piece.size is None and (whole is None or _size(part) >= whole):
                return
            if _size(part) < (piece.size or whole or 0):
                raise Lost("the connection ended early")
        except Lost as lost:
            patience.lose(str(lost), lost.seconds)


def _write(answer: Any, piece: Piece, part: Path, watch: Watch, patience: Patience) -> int | None:
    """Append an answer's body to ``part``; the size of the whole file as the answer has it."""
    if answer.status_code == OUT_OF_RANGE:
        part.unlink(missing_ok=True)
        if piece.size is not None:
            raise _wrong(piece)
        raise Lost("the server has no more of it than is here")
    if answer.status_code >= 400:
        raise DataprepError(
            f"{piece.what} cannot be fetched: the server answered {answer.status_code} "
            f"{answer.reason_phrase}",
            piece.hint,
        )
    start = _size(part) if answer.status_code == PARTIAL else 0
    said = answer.headers.get("content-length", "")
    whole = start + int(said) if said.isdigit() else None
    plain = "content-encoding" not in answer.headers
    if plain and None not in (whole, piece.size) and whole != piece.size:
        raise _wrong(piece)
    watch.at(start)
    with part.open("ab" if start else "wb", buffering=0) as out:
        for chunk in answer.iter_bytes():
            watch.check()
            out.write(chunk)
            watch.add(len(chunk))
            patience.refill()
            if piece.size is not None and out.tell() > piece.size:
                break  # it will be found wrong
    return whole


def _wrong(piece: Piece) -> DataprepError:
    return DataprepError(
        f"{piece.what}: what arrived is not what was announced (its size or checksum is wrong)",
        piece.hint,
    )


def _is_right(part: Path, piece: Piece, watch: Watch) -> bool:
    """Whether the size is as announced and a digest is one that the announced one may be."""
    size = _size(part)
    if piece.size is not None and size != piece.size:
        return False
    if SHA256.fullmatch(piece.digest):
        digests = [hashlib.sha256()]
    elif SHA1.fullmatch(piece.digest):
        # as `git hash-object` computes it; some mirrors give the one of the bare content
        begins = (b"blob %d\0" % size, b"")
        digests = [hashlib.sha1(begin, usedforsecurity=False) for begin in begins]
    else:
        return True
    watch.note = f"checking {piece.what}"
    with part.open("rb") as stream:
        while block := stream.read(BLOCK):
            watch.check()
            for digest in digests:
                digest.update(block)
    return piece.digest in {digest.hexdigest() for digest in digests}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _room(piece: Piece, part: Path) -> None:
    """Raise ``OSError`` before anything is fetched that the disk cannot hold."""
    missing = (piece.size or 0) - _size(part)
    if missing > shutil.disk_usage(part.parent).free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))


def _point(pointer: Path, blob: Path) -> None:
    """Let a name in a snapshot mean its bytes, as huggingface_hub does."""
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.unlink(missing_ok=True)
    try:
        pointer.symlink_to(os.path.relpath(blob, pointer.parent))
    except OSError:
        # Windows gives links to few: there the file itself stands in the snapshot
        blob.replace(pointer)


@contextmanager
def _alone(path: Path, watch: Watch) -> Generator[None, None, None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    while True:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
            break
        except Timeout:
            watch.check()
            watch.note = "another process is fetching it"
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _disk(piece: Piece, path: Path) -> Generator[None, None, None]:
    """Say what a disk refused."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            needed = f" ({piece.size / 1e6:,.1f} MB)" if piece.size else ""
            raise DataprepError(
                f"no room for {piece.what}{needed} on the disk of {path.parent}",
                "free some, or let HF_HOME name a folder on another disk",
            ) from None
        raise DataprepError(
            f"{piece.what} cannot be kept in {path.parent}: {error.strerror or error}",
            "let HF_HOME name a folder that may be written",
        ) from None
