"""Where a training run lives: ``OUT/log/run``, with a lock that its process holds while it lives.

``run.json`` says what was started, ``events.jsonl`` has the lines of the child protocol,
``trainer.log`` what was printed, and ``wishes/`` one small file for each wish to the trainer.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout

from dataprep import files
from dataprep.errors import DataprepError

RUN, EVENTS, LOG, LOCK, WISHES = "run.json", "events.jsonl", "trainer.log", "lock", "wishes"
STARTED = "started"
"""The event on the first line; it names the run."""

Wish = Literal["pause", "continue", "save", "sample", "stop"]
"""What may be asked of a trainer while it works."""
ALL_WISHES: tuple[Wish, ...] = get_args(Wish)

LOCK_SECONDS = 1.0
"""So long a new run waits for the lock: whoever only looks whether it is held holds it briefly."""


@dataclass(frozen=True, slots=True)
class Record:
    """What ``run.json`` says of a run."""

    id: str
    started_at: float
    """Seconds since 1970; also in the metadata of every LoRA file of the run."""
    pid: int
    config: str
    """The TOML file."""
    overrides: tuple[str, ...]
    """``key=value``, which won over the file."""
    command: tuple[str, ...]
    detached: bool
    """Whether it goes on when the one who started it leaves."""


def run_folder(config: Path) -> Path:
    """Where the run of a train.toml lives."""
    return config.parent / "log" / "run"


def samples_folder(config: Path, run_id: str) -> Path:
    """Where a run's samples go: no other run and no score writes there."""
    return config.parent / "log" / "samples" / run_id


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Hold a run folder's lock. Raises ``DataprepError`` when a run goes on there."""
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise under_way(folder) from None
    except OSError as error:
        raise DataprepError(f"{folder}: cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a living process holds the run's lock."""
    path = folder / LOCK
    if not path.exists():
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False  # not ours to lock, so none of ours holds it


def under_way(folder: Path) -> DataprepError:
    """The error that a run goes on already."""
    record = read_record(folder)
    out = folder.parent.parent
    process = f" (process {record.pid})" if record else ""
    return DataprepError(
        f"{out}: a training run is under way here{process}",
        f"`dataprep watch {out}` shows it, with --stop it is saved and ended",
    )


def new_record(config: Path, overrides: tuple[str, ...], command: tuple[str, ...]) -> Record:
    """A record of the run that this process now begins."""
    started_at = time.time()
    day = time.strftime("%Y%m%d-%H%M%S", time.localtime(started_at))
    pid = os.getpid()
    where = str(config.resolve())
    return Record(f"{day}-{pid}", started_at, pid, where, overrides, command, False)


def write_record(folder: Path, record: Record) -> None:
    """Write ``run.json``."""
    values = {name: getattr(record, name) for name in Record.__slots__}
    files.write_text(folder / RUN, json.dumps(values, ensure_ascii=False, indent=1) + "\n")


def read_record(folder: Path) -> Record | None:
    """What ``run.json`` says; None where there is no readable one."""
    try:
        values: dict[str, Any] = json.loads((folder / RUN).read_text(encoding="utf-8"))
        return Record(
            id=str(values["id"]),
            started_at=float(values["started_at"]),
            pid=int(values["pid"]),
            config=str(values["config"]),
            overrides=tuple(values["overrides"]),
            command=tuple(values["command"]),
            detached=bool(values["detached"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_wish(folder: Path, wish: Wish) -> None:
    """Leave a wish for the trainer. The name says it all, so there is no half of it."""
    wishes = folder / WISHES
    try:
        wishes.mkdir(exist_ok=True)
        (wishes / f"{time.time_ns():020d}-{os.getpid()}.{wish}").touch()
    except OSError as error:
        raise DataprepError(f"{wishes}: cannot be written ({error.strerror})") from None


def take_wishes(folder: Path) -> list[Wish]:
    """The wishes left since the last call, oldest first; cheap, for it is asked at every step."""
    try:
        with os.scandir(folder / WISHES) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        return []
    taken: list[Wish] = []
    for name in names:
        with suppress(OSError):
            (folder / WISHES / name).unlink()
        taken += [wish for wish in ALL_WISHES if name.endswith(f".{wish}")]
    return taken
