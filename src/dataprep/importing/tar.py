"""Pictures in tar archives, such as WebDataset shards, under the rules that zips are under."""

from __future__ import annotations

import posixpath
import re
import shutil
import tarfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from dataprep.images import BadImage
from dataprep.importing.archive import LEADS_OUT, Limits, is_wanted, leads_out, parts_of, too_large
from dataprep.importing.items import Item, captions_of
from dataprep.report import Issue

DAMAGE = (tarfile.TarError, OSError, ValueError, EOFError, OverflowError)
"""What tarfile raises for archives that are damaged."""
MASK = re.compile(r"(?s)(.*)\.mask\.[^./]+")
"""A foreground mask in a shard that ``dataprep export`` wrote."""
LATEST = 1 << 33
"""Times beyond this (seconds) are no times of files."""


class TarArchive:
    """An open tar, not compressed. May be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Raises ``BadImage`` for what is no archive."""
        self.path = path
        self._lock = threading.Lock()
        self._members: dict[str, tarfile.TarInfo] = {}
        """By name; of several of one name the last, as in a tar it replaces the others."""
        try:
            self._size = path.stat().st_size
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115
        except DAMAGE as error:
            raise BadImage(f"not a tar archive, or a damaged one ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._tar.close()

    def items(self, limits: Limits) -> tuple[list[Item], list[Issue]]:
        """The pictures in it, by the names they get; and what is refused, with the reason."""
        named: dict[str, tarfile.TarInfo] = {}
        try:
            for count, info in enumerate(self._tar, start=1):
                if limits.entries and count > limits.entries:
                    reason = f"holds more than {limits.entries} files; raise --max-entries"
                    return [], [Issue(str(self.path), "bomb", reason)]
                if not info.isdir():
                    self._members[info.name] = named[info.name.replace("\\", "/")] = info
        except DAMAGE as error:
            raise BadImage(f"not a tar archive, or a damaged one ({error})") from None
        pictures = {name: info for name, info in named.items() if is_wanted(name)}
        if bomb := too_large(self.path, sum(info.size for info in pictures.values()), limits):
            return [], [bomb]
        return self._sorted_out(pictures, named)

    def _sorted_out(
        self, pictures: dict[str, tarfile.TarInfo], named: dict[str, tarfile.TarInfo]
    ) -> tuple[list[Item], list[Issue]]:
        items, issues = [], []
        stems = {posixpath.splitext(name)[0] for name in pictures}
        masks = {name for name in pictures if (m := MASK.fullmatch(name)) and m[1] in stems}
        # a caption may be no link either
        files = {name: info for name, info in named.items() if info.isreg() and not info.issparse()}
        for name, info in sorted(pictures.items()):
            if why := self._refusal(name, info):
                issues.append(Issue(f"{self.path}: {name}", "refused", why))
            elif name not in masks:
                items.append(self._item(name, info, files))
        if masks:
            reason = f"{len(masks)} masks are left there: `dataprep background` makes them anew"
            issues.append(Issue(str(self.path), "left", reason, fatal=False))
        return items, issues

    def _item(self, name: str, info: tarfile.TarInfo, named: dict[str, tarfile.TarInfo]) -> Item:
        captions = captions_of(posixpath.splitext(name)[0], named)
        return Item(
            parts_of(name),
            "archive",
            self.path,
            info.name,
            info.size,
            int(info.mtime) * 1_000_000_000 if 0 <= info.mtime < LATEST else 0,
            tuple((ending, named[caption].name) for ending, caption in captions),
        )

    def _refusal(self, name: str, info: tarfile.TarInfo) -> str:
        """Why a member is not unpacked; empty when it is."""
        if leads_out(name):
            return LEADS_OUT
        if not info.isreg():
            return "is a link or a device, not a picture"
        if info.issparse():
            return "has holes and may unpack to anything, as bombs do; unpack the archive yourself"
        if info.offset_data + info.size > self._size:
            return "cannot be unpacked (the end of the archive is missing)"
        return ""

    def extract(self, part: str, to: Path) -> None:
        """Unpack one file; no more than its header promises. Raises ``BadImage``."""
        try:
            with self._lock, to.open("wb") as out:
                packed = self._tar.extractfile(self._members[part])
                if packed is None:
                    raise BadImage("cannot be unpacked: it is no file")
                shutil.copyfileobj(packed, out, 1 << 20)
        except (*DAMAGE, KeyError) as error:
            raise BadImage(f"cannot be unpacked ({error})") from None

    def read(self, part: str) -> bytes:
        """A small file's bytes. Raises ``BadImage``."""
        try:
            with self._lock:
                packed = self._tar.extractfile(self._members[part])
                return packed.read() if packed is not None else b""
        except (*DAMAGE, KeyError) as error:
            raise BadImage(f"cannot be unpacked ({error})") from None
