"""The project's own memory: one SQLite file with facts, scores, decisions and the journal.

Everything here can be rebuilt from the folder or replayed, but for the journal. Nothing is
pickled: values are numbers, text, JSON, and packed uint32/float16 arrays.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dataprep.decisions import Box, Frame, View
from dataprep.errors import DataprepError, UsageError
from dataprep.homes import STATE_FOLDER
from dataprep.journal import Change, Edit, Origin, State
from dataprep.schema import FROM_2, FROM_3, SCHEMA, SCHEMA_VERSION
from dataprep.vocabulary import Category, Entry

if TYPE_CHECKING:
    import numpy as np

FILE = "state.sqlite"


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known about one image file. Sizes are those of the upright picture, in pixels."""

    name: str
    """Path inside the project, with forward slashes."""
    size: int
    mtime_ns: int
    sha: str
    width: int
    height: int
    format: str
    mode: str
    orientation: int
    """EXIF orientation, 1..8."""
    frames: int
    reason: str
    """Why it cannot be used; empty when it can."""
    file: str = ""
    """Of a view: the picture it is a part of. Empty for a file of its own."""
    box: Box | None = None
    """Of a view: which part."""
    whole: tuple[int, int] = (0, 0)
    """Of a view: width and height of the upright picture it is a part of."""
    whole_sha: str = ""
    """Of a view: the content hash of the file it is a part of."""

    @property
    def frame(self) -> Frame:
        """Which part of its file the picture is."""
        if self.box is None:
            return Frame.of(self.width, self.height)
        return Frame(self.whole, self.box)

    def view(self, view: View) -> Picture:
        """A part of this picture as a picture: ``a.png`` gives ``a@label.png``."""
        left, top, right, bottom = view.box
        path = PurePosixPath(self.name)
        return replace(
            self,
            name=str(path.with_name(f"{path.stem}@{view.label}{path.suffix}")),
            sha=hashlib.sha256(f"{self.sha} {view.box}".encode()).hexdigest(),
            width=right - left,
            height=bottom - top,
            file=self.name,
            box=view.box,
            whole=(self.width, self.height),
            whole_sha=self.sha,
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where an imported picture came from."""

    name: str
    sha: str
    """Content hash of the file as it was imported."""
    source: str
    """The file, archive or video it was taken from, as an absolute path."""
    part: str
    """Its name in the archive, or which frame; empty for a copied file."""
    at: str
    """Local time, ISO 8601."""


@dataclass(frozen=True, slots=True)
class LookRow:
    """What was measured of a picture's pixels; ``dataprep.looks`` gives it meaning."""

    version: int
    thumb: bytes
    facts: str
    """JSON."""


@dataclass(frozen=True, slots=True)
class Scores:
    """A tagger's scores of one picture above the floor, by index into its vocabulary."""

    ids: np.ndarray
    """uint32, shape (n,)."""
    values: np.ndarray
    """float16, shape (n,), 0..1."""


@dataclass(frozen=True, slots=True)
class TaggerRow:
    """A tagger that has run here."""

    key: str
    """Under which its scores are kept."""
    name: str
    at: str
    """When it ran last: local time, ISO 8601."""
    thresholds: Mapping[Category, float]
    """Its own thresholds by category."""


def text_digest(text: str) -> bytes:
    """What stands for a caption's exact text."""
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def open_store(root: Path) -> Store:
    """The store of the project in a folder, made where there is none.

    Raises ``UsageError`` for no folder, ``DataprepError`` where it cannot be written or was written
    by a newer version.
    """
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder", "give the folder that holds your pictures")
    state = root / STATE_FOLDER
    try:
        state.mkdir(exist_ok=True)
        (state / "masks").mkdir(exist_ok=True)
    except OSError as error:
        raise DataprepError(f"{state}: cannot be made ({error.strerror})") from None
    return Store(state / FILE)


class Store:
    """SQLite in WAL mode; every public method is one transaction."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None)
            # FULL: a committed edit survives a power cut, not only a killed process
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._migrate(path)
        except sqlite3.DatabaseError as error:
            raise DataprepError(
                f"{path}: cannot be read as the project's state ({error})",
                "move it away to start anew; pictures and captions are not touched by that",
            ) from None

    def _migrate(self, path: Path) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise DataprepError(
                f"{path}: written by a newer version of dataprep", "update lora-dataprep"
            )
        if version < SCHEMA_VERSION:
            with self.transaction() as db:
                # another process may have been first
                version = db.execute("PRAGMA user_version").fetchone()[0]
                # a new file has none of the tables yet
                before = {2: FROM_2 + FROM_3, 3: FROM_3}.get(version, "")
                for statement in f"{before}{SCHEMA}".split(";"):
                    db.execute(statement)
                if version == 2:
                    self._take_over_captions()
                db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _take_over_captions(self) -> None:
        """Version 2 knew no captions by hand: all that its journal wrote counts as made by us."""
        rows = self._db.execute("SELECT name, after FROM changes WHERE kind = 'caption'")
        self._put_made((f"{PurePosixPath(name).with_suffix('.txt')}", text)
                       for name, text in rows.fetchall() if text is not None)  # fmt: skip

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def pictures(self) -> dict[str, Picture]:
        """All known pictures by name."""
        rows = self._db.execute("SELECT * FROM pictures ORDER BY name")
        return {row[0]: Picture(*row) for row in rows}

    def put_pictures(self, pictures: Iterable[Picture]) -> None:
        """Remember facts of pictures, replacing what was known."""
        with self.transaction() as db:
            db.executemany(
                f"INSERT OR REPLACE INTO pictures VALUES ({', '.join('?' * 11)})",
                ((p.name, p.size, p.mtime_ns, p.sha, p.width, p.height, p.format, p.mode,
                  p.orientation, p.frames, p.reason) for p in pictures),
            )  # fmt: skip

    def forget_pictures(self, names: Iterable[str]) -> None:
        """Drop the facts of files that are gone; their decisions stay, they may come back."""
        with self.transaction() as db:
            db.executemany("DELETE FROM pictures WHERE name = ?", ((name,) for name in names))

    def sources(self) -> dict[str, Source]:
        """Where imported pictures came from, by name."""
        rows = self._db.execute("SELECT * FROM sources ORDER BY name")
        return {row[0]: Source(*row) for row in rows}

    def put_sources(self, sources: Iterable[Source]) -> None:
        """Remember where pictures came from."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
                ((s.name, s.sha, s.source, s.part, s.at) for s in sources),
            )

    def looks(self, version: int) -> dict[str, LookRow]:
        """What was measured of pictures' pixels by this version, by content hash."""
        query = "SELECT sha, version, thumb, facts FROM looks WHERE version = ?"
        return {row[0]: LookRow(*row[1:]) for row in self._db.execute(query, (version,))}

    def looked(self, version: int) -> set[str]:
        """Content hashes of the pictures that this version has measured."""
        query = "SELECT sha FROM looks WHERE version = ?"
        return {sha for (sha,) in self._db.execute(query, (version,))}

    def put_looks(self, looks: Iterable[tuple[str, LookRow]]) -> None:
        """Remember measurements by content hash."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?)",
                ((sha, row.version, row.thumb, row.facts) for sha, row in looks),
            )

    def decisions(self) -> dict[str, dict[str, str]]:
        """Every decision: picture name → key → JSON text."""
        rows: dict[str, dict[str, str]] = {}
        for name, key, value in self._db.execute("SELECT name, key, value FROM decisions"):
            rows.setdefault(name, {})[key] = value
        return rows

    def decision(self, name: str, key: str) -> str | None:
        """One decision as JSON text."""
        row = self._db.execute(
            "SELECT value FROM decisions WHERE name = ? AND key = ?", (name, key)
        ).fetchone()
        return row[0] if row else None

    def taggers(self) -> list[TaggerRow]:
        """The taggers that have run here, the one that ran last at the end."""
        rows = self._db.execute("SELECT model, name, at, thresholds FROM taggers ORDER BY at")
        return [TaggerRow(key, name, at, json.loads(text)) for key, name, at, text in rows]

    def put_tagger(self, tagger: TaggerRow, vocabulary: Sequence[Entry]) -> None:
        """Remember a tagger and what it can say, in its index order."""
        with self.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO taggers VALUES (?, ?, ?, ?)",
                (tagger.key, tagger.name, tagger.at, json.dumps(dict(tagger.thresholds))),
            )
            if self.vocabulary(tagger.key) == list(vocabulary):
                return
            db.execute("DELETE FROM vocabularies WHERE model = ?", (tagger.key,))
            db.executemany(
                "INSERT INTO vocabularies VALUES (?, ?, ?, ?, ?)",
                ((tagger.key, index, *entry) for index, entry in enumerate(vocabulary)),
            )

    def vocabulary(self, model: str) -> list[Entry]:
        """What a model can say, in its index order."""
        query = "SELECT tag, category, count FROM vocabularies WHERE model = ? ORDER BY id"
        return [Entry(*row) for row in self._db.execute(query, (model,))]

    def texts(self, captioner: str) -> dict[tuple[str, str], str]:
        """What a captioner wrote, by (content hash, render key)."""
        query = "SELECT sha, render, text FROM texts WHERE captioner = ?"
        return {(sha, key): text for sha, key, text in self._db.execute(query, (captioner,))}

    def put_texts(self, captioner: str, rows: Iterable[tuple[str, str, str]]) -> None:
        """Remember what a captioner wrote of (content hash, render key) pairs."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?)",
                ((sha, captioner, render, text) for sha, render, text in rows),
            )

    def made(self) -> set[tuple[str, bytes]]:
        """Caption files with the digests of the texts that a stage, and no hand, gave them."""
        return set(self._db.execute("SELECT file, digest FROM made"))

    def _put_made(self, texts: Iterable[tuple[str, str]]) -> None:
        rows = ((file, text_digest(text)) for file, text in texts)
        self._db.executemany("INSERT OR IGNORE INTO made VALUES (?, ?)", rows)

    def put_scores(self, model: str, rows: Iterable[tuple[str, str, Scores]]) -> None:
        """Remember scores of (content hash, render key) pairs under a model."""
        with self.transaction() as db:
            db.executemany(
                "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?)",
                ((sha, model, render, scores.ids.astype("<u4").tobytes(),
                  scores.values.astype("<f2").tobytes()) for sha, render, scores in rows),
            )  # fmt: skip

    def scored(self, model: str) -> set[tuple[str, str]]:
        """What a model has scored, as (content hash, render key)."""
        return set(self._db.execute("SELECT sha, render FROM scores WHERE model = ?", (model,)))

    def scores(self, model: str) -> dict[tuple[str, str], Scores]:
        """All scores of a model by (content hash, render key)."""
        # it takes as long to load as all else that a screen's first frame needs of us
        import numpy as np

        query = "SELECT sha, render, ids, scores FROM scores WHERE model = ?"
        return {
            (sha, render): Scores(np.frombuffer(ids, "<u4"), np.frombuffer(values, "<f2"))
            for sha, render, ids, values in self._db.execute(query, (model,))
        }

    def begin_edit(self, name: str, at: str, origin: Origin, changes: Iterable[Change]) -> int:
        """Write an edit down before it is carried out; it is pending until finished.

        What had been undone before is not redone any more.
        """
        with self.transaction() as db:
            db.execute("UPDATE edits SET state = 'dropped' WHERE state = 'undone'")
            cursor = db.execute(
                "INSERT INTO edits (name, at, state, origin) VALUES (?, ?, 'pending', ?)",
                (name, at, origin),
            )
            db.executemany(
                "INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((cursor.lastrowid, place, c.kind, c.name, c.key, c.before, c.after)
                 for place, c in enumerate(changes)),
            )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def turn_edit(self, edit: int, state: State, at: str) -> None:
        """Write down that an edit is being taken back, or carried out again."""
        self._db.execute("UPDATE edits SET state = ?, turned = ? WHERE id = ?", (state, at, edit))

    def finish_edit(
        self,
        edit: int,
        state: State,
        decided: Iterable[Change],
        made: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Apply the decisions among an edit's changes and settle its state, in one go.

        ``made``: caption files with the texts that are not by hand.
        """
        with self.transaction() as db:
            self._put_made(made)
            for change in decided:
                if change.after is None:
                    db.execute(
                        "DELETE FROM decisions WHERE name = ? AND key = ?",
                        (change.name, change.key),
                    )
                else:
                    db.execute(
                        "INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)",
                        (change.name, change.key, change.after),
                    )
            db.execute("UPDATE edits SET state = ? WHERE id = ?", (state, edit))

    def edits(self) -> list[Edit]:
        """The journal, oldest first, without the changes."""
        rows = self._db.execute("SELECT id, name, at, state, origin, turned FROM edits ORDER BY id")
        return [_edit(row) for row in rows]

    def edit_sizes(self) -> dict[int, dict[str, int]]:
        """How many changes of each kind every edit has."""
        sizes: dict[int, dict[str, int]] = {}
        query = "SELECT edit, kind, count(*) FROM changes GROUP BY edit, kind"
        for edit, kind, number in self._db.execute(query):
            sizes.setdefault(edit, {})[kind] = number
        return sizes

    def edit(self, edit: int) -> Edit:
        """One edit with its changes."""
        row = self._db.execute(
            "SELECT id, name, at, state, origin, turned FROM edits WHERE id = ?", (edit,)
        ).fetchone()
        changes = self._db.execute(
            "SELECT kind, name, key, before, after FROM changes WHERE edit = ? ORDER BY position",
            (edit,),
        )
        carried = tuple(Change(*change) for change in changes)
        return _edit(row, carried)


def _edit(row: tuple[int, str, str, State, Origin, str], changes: tuple[Change, ...] = ()) -> Edit:
    number, name, at, state, origin, turned = row
    return Edit(number, name, at, state, origin, changes, turned)
