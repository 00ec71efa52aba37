"""A project seen from outside: what its state file says, without opening the project."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from dataprep.concept import KEY
from dataprep.files import modified
from dataprep.homes import STATE_FOLDER
from dataprep.journal import PROJECT

STATE_FILES = ("state.sqlite", "state.sqlite-wal", "tui.json")


@dataclass(frozen=True, slots=True)
class Glance:
    """What is known of a project at a glance."""

    pictures: int | None = None
    """None: nobody knows yet, or the state cannot be read."""
    trigger: str = ""
    used: float = 0.0
    """When it was worked on last (seconds since 1970); 0: never."""


def glance(root: Path) -> Glance:
    """Look at a project's state; nothing is written, made or brought up to date."""
    state = root / STATE_FOLDER
    used = max((modified(state / name) for name in STATE_FILES), default=0.0)
    try:
        with closing(_opened(state / STATE_FILES[0])) as db:
            pictures = db.execute("SELECT count(*) FROM pictures").fetchone()[0]
            return Glance(int(pictures), _trigger(db), used)
    except (sqlite3.Error, OSError):
        return Glance(used=used)


def _opened(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise FileNotFoundError(path)
    # with nothing in its log nobody writes: then not even the log's own files are made
    log = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
    return sqlite3.connect(f"file:{quote(str(path.resolve()))}?{mode}", uri=True, timeout=1)


def _trigger(db: sqlite3.Connection) -> str:
    query = "SELECT value FROM decisions WHERE name = ? AND key = ?"
    row = db.execute(query, (PROJECT, KEY)).fetchone()
    try:
        return str(json.loads(row[0])["trigger"]) if row else ""
    except (ValueError, KeyError, TypeError):
        return ""
