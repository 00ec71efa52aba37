"""The record in a training folder of what exports wrote there: so that a later one writes only
what changed, removes only what is its own, and keeps whatever a person put or edited there.

Every file is noted down, with the digest of its bytes, before it takes its name; so after a kill
each file is known as the old one of ours, the new one of ours, or somebody else's.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal

from dataprep import files

MANIFEST = ".dataprep-export.json"
LOG = ".dataprep-export.log"
"""One JSON line a file while an export runs; merged into the manifest at its end."""

State = Literal["absent", "ours", "foreign"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as an export wrote it."""

    source: str
    """What it was made of: equal text, equal bytes."""
    digest: str
    size: int
    mtime_ns: int

    @property
    def values(self) -> tuple[str, str, int, int]:
        """As it stands in the manifest."""
        return self.source, self.digest, self.size, self.mtime_ns


class Manifest:
    """What is known of a training folder's files. Used from several threads."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._log: IO[str] | None = None
        # the disk is given each file at once, while the next ones are rendered
        self._disk = ThreadPoolExecutor(1)
        self._flushes: list[Future[None]] = []
        self.written_folders: set[Path] = set()
        """Folders in which files were written since it was opened."""
        value = _read(out / MANIFEST)
        self.train: dict[str, Any] = value["train"]
        """What the last export wrote into train.toml."""
        self._entries: dict[str, list[Entry]] = value["files"]
        for name, entry in _logged(out / LOG):
            self._entries.setdefault(name, []).append(entry)
        self._saved = {} if (out / LOG).exists() else self._latest()
        self._saved_train = dict(self.train)

    def path(self, name: str) -> Path:
        """Where a file lies."""
        return self._out / name

    def knows(self, name: str) -> bool:
        """Whether an export ever wrote this file."""
        return name in self._entries

    def names(self) -> list[str]:
        """Files that exports wrote, with forward slashes."""
        return list(self._entries)

    def rename_folder(self, old: str, new: str) -> None:
        """Follow a folder that got another name."""
        moved = {
            new + name.removeprefix(old) if name.startswith(f"{old}/") else name: entries
            for name, entries in self._entries.items()
        }
        self._entries = moved

    def look(self, name: str) -> tuple[State, Entry | None]:
        """Whose file stands there now, and as what it was written when it is ours."""
        try:
            stat = self.path(name).stat()
        except FileNotFoundError:
            return "absent", None
        entries = self._entries.get(name, [])
        facts = (stat.st_size, stat.st_mtime_ns)
        same = [entry for entry in entries if (entry.size, entry.mtime_ns) == facts]
        if entries and not same:
            digest = digest_of(self.path(name).read_bytes())
            same = [entry for entry in entries if entry.digest == digest]
        if same:
            # of several that a kill left open, this is the one that came about
            self._entries[name] = same[-1:]
            return "ours", same[-1]
        # a power cut may leave a file of ours without its bytes
        return ("ours", None) if entries and stat.st_size == 0 else ("foreign", None)

    def write(self, name: str, source: str, data: bytes) -> None:
        """Write a file and note it down; see ``flushed`` before ``save``."""
        with files.replacing(self._out / name, durable=False) as temp:
            temp.write_bytes(data)
            self._note(name, source, digest_of(data), temp)
        path = self.path(name)
        self.written_folders.add(path.parent)
        self._flushes.append(self._disk.submit(files.sync, path))

    def take(self, name: str, source: str, made: Path, digest: str) -> None:
        """Note down a file that lies ready beside its place, flushed; then give it its name."""
        self._note(name, source, digest, made)
        made.replace(self._out / name)
        self.written_folders.add(self.path(name).parent)

    def adopt(self, name: str, source: str, data: bytes) -> bool:
        """Take a file that is unknown for ours when it holds exactly what we would write."""
        path = self._out / name
        if path.read_bytes() != data:
            return False
        self._note(name, source, digest_of(data), path)
        return True

    def flushed(self) -> Iterator[tuple[int, int]]:
        """Wait until all that was written is on the disk: how much is, of how much."""
        for done, flush in enumerate(self._flushes, start=1):
            flush.result()
            yield done, len(self._flushes)

    def remove(self, name: str) -> None:
        """Delete a file of ours."""
        (self._out / name).unlink(missing_ok=True)
        self.forget(name)

    def forget(self, name: str) -> None:
        """A file that is no longer ours."""
        with self._lock:
            self._entries.pop(name, None)

    def save(self) -> None:
        """Bring the manifest up to date; what it names must be on the disk by now."""
        latest = self._latest()
        if (latest, self.train) != (self._saved, self._saved_train):
            plain = {name: entry.values for name, entry in latest.items()}
            value = {"train": self.train, "files": plain}
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            files.write_text(self._out / MANIFEST, text)
        self.close()
        (self._out / LOG).unlink(missing_ok=True)

    def close(self) -> None:
        """Close the log; without ``save`` the next export reads it."""
        self._disk.shutdown(cancel_futures=True)
        if self._log is not None:
            self._log.close()
            self._log = None

    def _latest(self) -> dict[str, Entry]:
        return {name: entries[-1] for name, entries in self._entries.items()}

    def _note(self, name: str, source: str, digest: str, written: Path) -> None:
        stat = written.stat()
        entry = Entry(source, digest, stat.st_size, stat.st_mtime_ns)
        line = json.dumps({"name": name, **asdict(entry)}, ensure_ascii=False)
        with self._lock:
            if self._log is None:
                self._log = (self._out / LOG).open("a", encoding="utf-8")
            self._log.write(line + "\n")
            self._log.flush()
            self._entries.setdefault(name, []).append(entry)


def digest_of(data: bytes) -> str:
    """By this a file is known again."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """The manifest; a damaged one is an empty one, then every file is compared before it counts."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        entries = {name: [Entry(*entry)] for name, entry in value["files"].items()}
        return {"train": dict(value["train"]), "files": entries}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {"train": {}, "files": {}}


def _logged(path: Path) -> Iterator[tuple[str, Entry]]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            value = json.loads(line)
            yield value.pop("name"), Entry(**value)
        except (ValueError, KeyError, TypeError, AttributeError):
            # the last line may be cut short
            continue
