"""Pictures in zip archives: names read in the right alphabet, and nothing that could do harm."""

from __future__ import annotations

import lzma
import posixpath
import re
import shutil
import stat
import struct
import threading
import time
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dataprep.images import BadImage, is_picture
from dataprep.importing.items import Item, captions_of
from dataprep.report import Issue

UTF8_FLAG, ENCRYPTED_FLAG = 0x800, 0x1
ALPHABETS = ("utf-8", "cp932", "gbk")
"""What names without the UTF-8 flag are tried as, before the zip's own cp437."""
LIKELY = re.compile(r"[\u3041-\u309f\u30a1-\u30ff\u4e00-\u9fff\uff01-\uff5e]")
"""Kana, ideographs and full-width signs; half-width kana tell of a wrong guess."""
LATIN_END = "\u0250"
SMALL = 1 << 20
"""Below this (bytes) a high ratio is a plain picture, not a bomb."""
DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error),
    *(EOFError, OSError, ValueError, RuntimeError),
)
"""What zipfile raises for archives that are damaged, encrypted or packed in a rare way."""
LEADS_OUT = "its name leads out of the archive"


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold; 0 is no limit."""

    entries: int
    gigabytes: float
    """Of its pictures, unpacked."""
    ratio: int
    """Of unpacked to packed size, for one picture."""


class Pack(Protocol):
    """An open archive of any kind. May be used by several threads."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def items(self, limits: Limits) -> tuple[list[Item], list[Issue]]:
        """The pictures in it, by the names they get; and what is refused, with the reason."""
        ...

    def extract(self, part: str, to: Path) -> None:
        """Unpack one file. Raises ``BadImage``."""
        ...

    def read(self, part: str) -> bytes:
        """A small file's bytes. Raises ``BadImage``."""
        ...


class Archive:
    """An open zip. May be used by several threads."""

    def __init__(self, path: Path) -> None:
        """Raises ``BadImage`` for what is no archive."""
        self.path = path
        self._lock = threading.Lock()
        try:
            self._zip = zipfile.ZipFile(path)
        except DAMAGE as error:
            raise BadImage(f"not a zip archive, or a damaged one ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._zip.close()

    def items(self, limits: Limits) -> tuple[list[Item], list[Issue]]:
        """The pictures in it, by the names they get; and what is refused, with the reason."""
        members = [info for info in self._zip.infolist() if not info.is_dir()]
        if limits.entries and len(members) > limits.entries:
            reason = f"holds {len(members)} files; raise --max-entries to import it"
            return [], [Issue(str(self.path), "bomb", reason)]
        named = dict(zip(_names(members), members, strict=True))
        pictures = {name: info for name, info in named.items() if is_wanted(name)}
        if bomb := too_large(self.path, sum(p.file_size for p in pictures.values()), limits):
            return [], [bomb]
        items, issues = [], []
        for name, info in sorted(pictures.items()):
            if why := _refusal(name, info, limits):
                issues.append(Issue(f"{self.path}: {name}", "refused", why))
            else:
                items.append(self._item(name, info, named))
        return items, issues

    def _item(self, name: str, info: zipfile.ZipInfo, named: dict[str, zipfile.ZipInfo]) -> Item:
        captions = captions_of(posixpath.splitext(name)[0], named)
        return Item(
            parts_of(name),
            "archive",
            self.path,
            info.filename,
            info.file_size,
            _mtime_ns(info),
            tuple((ending, named[caption].filename) for ending, caption in captions),
        )

    def extract(self, part: str, to: Path) -> None:
        """Unpack one file; no more than its header promises. Raises ``BadImage``."""
        try:
            with self._lock, self._zip.open(part) as packed, to.open("wb") as out:
                shutil.copyfileobj(packed, out, 1 << 20)
        except DAMAGE as error:
            raise BadImage(f"cannot be unpacked ({error})") from None

    def read(self, part: str) -> bytes:
        """A small file's bytes. Raises ``BadImage``."""
        try:
            with self._lock:
                return self._zip.read(part)
        except DAMAGE as error:
            raise BadImage(f"cannot be unpacked ({error})") from None


def is_wanted(name: str) -> bool:
    """Pictures; not the halves of files that macOS puts beside them."""
    parts = name.split("/")
    return is_picture(name) and "__MACOSX" not in parts and not parts[-1].startswith("._")


def leads_out(name: str) -> bool:
    """Whether a member's name, with forward slashes, is no place inside a folder."""
    outside = name.startswith("/") or re.match(r"[A-Za-z]:", name) is not None
    return outside or ".." in name.split("/")


def too_large(path: Path, total: int, limits: Limits) -> Issue | None:
    """What is wrong with an archive whose pictures have so many bytes; None: nothing."""
    if not limits.gigabytes or total <= limits.gigabytes * 1e9:
        return None
    reason = f"unpacks to {total / 1e9:.1f} GB; raise --max-unpacked to import it"
    return Issue(str(path), "bomb", reason)


def _refusal(name: str, info: zipfile.ZipInfo, limits: Limits) -> str:
    """Why a member is not unpacked; empty when it is."""
    if leads_out(name):
        return LEADS_OUT
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link, not a picture"
    if info.flag_bits & ENCRYPTED_FLAG:
        return "is encrypted; unpack the archive yourself"
    if limits.ratio and info.file_size > max(SMALL, info.compress_size * limits.ratio):
        times = info.file_size // max(1, info.compress_size)
        return f"unpacks to {times} times its size, as bombs do; raise --max-ratio to import it"
    return ""


def parts_of(name: str) -> str:
    """A name without empty parts."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _mtime_ns(info: zipfile.ZipInfo) -> int:
    try:
        return int(time.mktime((*info.date_time, 0, 0, -1))) * 1_000_000_000
    except (ValueError, OverflowError):
        return 0


def _names(members: Iterable[zipfile.ZipInfo]) -> list[str]:
    """The members' names with forward slashes, in the alphabet that fits all of them."""
    members = list(members)
    raw = [info.filename.encode("cp437") for info in members if not info.flag_bits & UTF8_FLAG]
    alphabet = guessed([name for name in raw if not name.isascii()])
    return [
        (
            info.filename
            if info.flag_bits & UTF8_FLAG
            else info.filename.encode("cp437").decode(alphabet)
        ).replace("\\", "/")
        for info in members
    ]


def guessed(names: list[bytes]) -> str:
    """The alphabet of names that do not say theirs: the one that gives the likeliest signs."""
    best, alphabet = 0.0, "cp437"
    western = _is_western(names)
    for candidate in ALPHABETS:
        try:
            text = "".join(name.decode(candidate) for name in names)
        except UnicodeDecodeError:
            continue
        if candidate == "utf-8":
            return candidate  # nothing else happens to be valid UTF-8
        if western:
            break
        share = _likely(text, candidate)
        if share > max(best, 0.5):
            best, alphabet = share, candidate
    return alphabet


def _is_western(names: list[bytes]) -> bool:
    """Whether names read as words with a few accents: by chance most accents make an ideograph."""
    stems = "".join(posixpath.splitext(name.decode("cp437"))[0] for name in names)
    foreign = [sign for sign in stems if not sign.isascii()]
    plain = sum(sign.isascii() and sign.isalpha() for sign in stems)
    return len(foreign) <= plain and all(sign.isalpha() and sign < LATIN_END for sign in foreign)


def _likely(text: str, alphabet: str) -> float:
    """The share of foreign signs that names are made of, 0..1.

    GBK gives a meaning to nearly all bytes; those of GB 2312 are the common ones.
    """
    foreign = [sign for sign in text if not sign.isascii()]
    good = [sign for sign in foreign if LIKELY.match(sign)]
    if alphabet == "gbk":
        good = [sign for sign in good if sign.encode("gb2312", errors="ignore")]
    return len(good) / max(1, len(foreign))
