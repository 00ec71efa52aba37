"""What is changed in a project: as edits that are written down first, undone, done again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from dataprep import files, images, sidecars
from dataprep.errors import DataprepError
from dataprep.journal import (
    UNFINISHED,
    Change,
    Edit,
    Origin,
    State,
    inverted,
    redone_next,
    undone_next,
)
from dataprep.originals import Originals
from dataprep.store import Store, text_digest

LOCK_SECONDS = 60.0
"""How long an edit waits for another program that writes to the same project."""


def now() -> str:
    """The local time as the journal writes it: ISO 8601, seconds."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Journalled(Originals):
    """The part of a dataset through which captions and decisions are changed."""

    def __init__(
        self, root: Path, store: Store, dry_run: bool, max_pixels: int = images.MAX_PIXELS
    ) -> None:
        super().__init__(root, max_pixels)
        self.store = store
        self.dry_run = dry_run
        self.proposed: list[Change] = []
        self.left_alone: list[str] = []
        """Pictures whose caption another program changed while an edit was under way: theirs
        stays."""
        self._would_be: dict[int, State] = {}
        """The edits that a dry run would have undone or done again."""
        self._lock = FileLock(self.state / "lock")

    def edit(
        self, name: str, changes: Iterable[Change], origin: Origin = "bulk"
    ) -> tuple[Change, ...]:
        """Carry out changes as one undoable edit; those that change nothing fall out.

        When this returns, all of it is on the disk. A kill before that leaves an edit that the
        next opening completes. ``origin`` "bulk": what was by hand still counts as that.
        """
        real = tuple(change for change in changes if not change.is_noop)
        if self.dry_run:
            self.proposed += real
            return real
        if not real:
            return real
        with self._writing():
            number = self.store.begin_edit(name, now(), origin, real)
            changed = set(self._carry_out(number, origin, "done", real))
        self.left_alone += sorted(changed)
        return tuple(c for c in real if c.kind != "caption" or c.name not in changed)

    def undo(self) -> tuple[Edit, tuple[str, ...]]:
        """Take the last edit back; also the names that somebody changed since and so stay."""
        with self._writing():
            last = self.undoes()
            if last is None:
                raise DataprepError("there is nothing to undo", "see `dataprep history`")
            edit = self.store.edit(last.id)
            return edit, self._turn(edit, "undoing")

    def redo(self) -> tuple[Edit, tuple[str, ...]]:
        """Carry out again what was undone last; also the names that somebody changed since."""
        with self._writing():
            last = self.redoes()
            if last is None:
                raise DataprepError(
                    "there is nothing to redo",
                    "only what was undone can be redone, until another edit is made",
                )
            edit = self.store.edit(last.id)
            return edit, self._turn(edit, "redoing")

    def undoes(self) -> Edit | None:
        """What an undo would take back, without its changes."""
        return undone_next(self.history())

    def redoes(self) -> Edit | None:
        """What a redo would carry out again, without its changes.

        What was undone before another edit was made is not redone any more.
        """
        return redone_next(self.history())

    def history(self) -> list[Edit]:
        """The journal, oldest first, without the changes."""
        edits = self.store.edits()
        if not self._would_be:
            return edits
        return [replace(edit, state=self._would_be.get(edit.id, edit.state)) for edit in edits]

    def recover(self) -> None:
        """Complete edits that a kill interrupted; what others wrote meanwhile stays theirs."""
        if not self._interrupted():
            return
        try:
            with self._lock.acquire(timeout=0):
                sidecars.sweep(self.state)
                for edit in self._interrupted():
                    self._complete(self.store.edit(edit.id))
        except Timeout:
            return  # its writer is alive and will finish it

    def _turn(self, edit: Edit, state: State) -> tuple[str, ...]:
        """Take an edit back ("undoing") or carry it out again ("redoing")."""
        if self.dry_run:
            self.proposed += _changes(edit, state)
            self._would_be[edit.id] = UNFINISHED[state]
            return ()
        self.store.turn_edit(edit.id, state, now())
        return self._go_on(edit, state)

    def _go_on(self, edit: Edit, state: State) -> tuple[str, ...]:
        # what an undo brings back is by whoever had made it then, which is known
        origin: Origin = "hand" if state == "undoing" else edit.origin
        return self._carry_out(edit.id, origin, UNFINISHED[state], _changes(edit, state))

    def _carry_out(
        self, edit: int, origin: Origin, state: State, changes: Sequence[Change]
    ) -> tuple[str, ...]:
        """Write captions, then decisions and the edit's state in one transaction."""
        captions = [change for change in changes if change.kind == "caption"]
        conflicts = tuple(
            change.name for change in sidecars.carry_out(self.root, self.state, captions)
        )
        decided = (change for change in changes if change.kind == "decision")
        self.store.finish_edit(edit, state, decided, self._made(origin, captions))
        return conflicts

    def _made(self, origin: Origin, captions: Iterable[Change]) -> Iterator[tuple[str, str]]:
        """Files and texts of an edit that are not by hand."""
        if origin == "hand":
            return
        made: Collection[tuple[str, bytes]] = self.store.made() if origin == "bulk" else ()
        for change in captions:
            file, before = sidecars.file_of(change), change.before
            ours = origin == "machine" or not before or (file, text_digest(before)) in made
            if ours and change.after is not None:
                yield file, change.after

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time: the screens and a command may have the project open together."""
        try:
            with self._lock.acquire(timeout=LOCK_SECONDS):
                yield
        except Timeout:
            raise DataprepError(
                f"{self.root}: another dataprep is writing to this project",
                "wait for it, or close it",
            ) from None

    def _interrupted(self) -> list[Edit]:
        return [edit for edit in self.store.edits() if edit.state in UNFINISHED]

    def _complete(self, edit: Edit) -> None:
        # where a folder lies on another disk, and by older versions, files were written beside
        for folder in {self.path(c.name).parent for c in edit.changes if c.kind == "caption"}:
            files.sweep(folder)
        self._go_on(edit, edit.state)


def _changes(edit: Edit, state: State) -> tuple[Change, ...]:
    """What is to be written so that an edit comes to the end of a state."""
    return inverted(edit.changes) if state == "undoing" else edit.changes
