"""A folder opened as a project: its pictures, captions, decisions and journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from dataprep import decisions as decided
from dataprep import files, images, sidecars
from dataprep.captions import join_tags, split_tags
from dataprep.decisions import Decisions
from dataprep.errors import DataprepError, UsageError
from dataprep.journal import Change, Edit, Origin, State, inverted
from dataprep.originals import STATE_FOLDER, Originals
from dataprep.store import Picture, Store, text_digest

NOTHING = Decisions()
"""Of a picture that nothing was decided about."""
LOCK_SECONDS = 60.0
"""How long an edit waits for another program that writes to the same project."""


class _Caption:
    """A caption file as it was read."""

    __slots__ = ("_tags", "stamp", "text")

    def __init__(self, stamp: sidecars.Stamp, text: str) -> None:
        self.stamp, self.text = stamp, text
        self._tags: list[str] | None = None

    @property
    def tags(self) -> list[str]:
        """Its tags; not to be changed."""
        if self._tags is None:
            self._tags = split_tags(plain(self.text))
        return self._tags


def now() -> str:
    """The local time as the journal writes it: ISO 8601, seconds."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


class Dataset(Originals):
    """The door to a project folder. Open one per thread; several may be open at once.

    ``dry_run``: edits are collected in ``proposed`` and nothing of the user's is written (what
    is only remembered, such as facts and scores, still is).
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        dry_run: bool,
        max_pixels: int = images.MAX_PIXELS,
        caption_extension: str = sidecars.EXTENSION,
    ) -> None:
        super().__init__(root, max_pixels)
        self.store = store
        self.dry_run = dry_run
        self.proposed: list[Change] = []
        self.caption_extension = self.own_extension = caption_extension
        """How the caption files end that are meant now, and that the project says."""
        self.only: Collection[str] | None = None
        """Names of the pictures that are meant; None means all of them."""
        self._captions: dict[str, _Caption] = {}
        self.left_alone: list[str] = []
        """Pictures whose caption another program changed while an edit was under way: theirs
        stays."""
        self._lock = FileLock(self.state / "lock")

    @classmethod
    def open(cls, root: Path, *, dry_run: bool = False) -> Self:
        """Open a folder; what a killed run left half done in the journal is completed first."""
        if not root.is_dir():
            raise UsageError(f"{root}: no such folder", "give the folder that holds your pictures")
        state = root / STATE_FOLDER
        try:
            state.mkdir(exist_ok=True)
            (state / "masks").mkdir(exist_ok=True)
        except OSError as error:
            raise DataprepError(f"{state}: cannot be made ({error.strerror})") from None
        root = root.resolve()
        # with it comes pydantic, for which a screen's first frame must not wait
        from dataprep import limits

        limit = limits.of_project(root)
        store = Store(root / STATE_FOLDER / "state.sqlite")
        dataset = cls(root, store, dry_run, limit.max_pixels, limit.caption_extension)
        dataset._recover()
        return dataset

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pictures(self) -> list[Picture]:
        """Every picture known since the last scan, by name; unreadable ones and views included.

        Where ``only`` says which are meant, those.
        """
        return self._pictures(self.decisions())

    def usable(self, decisions: Mapping[str, Decisions] | None = None) -> list[Picture]:
        """Those of them that can be read and are not rejected; ``decisions`` where known."""
        known = self.decisions() if decisions is None else decisions
        return [
            picture
            for picture in self._pictures(known)
            if not picture.reason and known.get(picture.name, NOTHING).verdict != "reject"
        ]

    def decisions(self) -> dict[str, Decisions]:
        """Every picture's decisions by name; a picture nothing was decided about is missing."""
        return {name: decided.decode(rows) for name, rows in self.store.decisions().items() if name}

    def _pictures(self, decisions: Mapping[str, Decisions]) -> list[Picture]:
        files = self.store.pictures()
        views = [
            picture.view(view)
            for picture in files.values()
            for view in decisions.get(picture.name, NOTHING).views
            if not picture.reason
        ]
        # a file that took a view's name is what the person means by it
        found = [*files.values(), *(view for view in views if view.name not in files)]
        if self.only is not None:
            found = [picture for picture in found if picture.name in self.only]
        return sorted(found, key=lambda picture: picture.name) if views else found

    def caption_file(self, name: str) -> str:
        """The sidecar of a picture, as a path inside the project."""
        return sidecars.stem(name) + self.caption_extension

    def caption_path(self, name: str) -> Path:
        """Where the sidecar of a picture lies."""
        return self.root / self.caption_file(name)

    def caption_text(self, name: str) -> str | None:
        """The sidecar's exact text, line ends and all; None when there is none.

        Raises ``BadImage`` when it is not UTF-8.
        """
        known = self._known_caption(self.caption_file(name))
        return None if known is None else known.text

    def _known_caption(self, file: str) -> _Caption | None:
        """A caption file as it is now; it is read and split again only when it has changed."""
        # strings and no Path: a bulk edit comes here some hundred thousand times
        path = f"{self.root}/{file}"
        known = self._captions.get(file)
        if known is not None and known.stamp == sidecars.stamp_of(path):
            return known
        data, stamp = sidecars.read(path)
        if data is None:
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise images.BadImage(f"its caption is not UTF-8 (byte {error.start})") from None
        self._captions[file] = _Caption(stamp, text)
        return self._captions[file]

    def caption(self, name: str) -> str | None:
        """The sidecar as people read it: without byte-order mark and outer blanks."""
        text = self.caption_text(name)
        return None if text is None else plain(text)

    def tags(self, name: str) -> list[str]:
        """The caption's tags; empty when there is none."""
        known = self._known_caption(self.caption_file(name))
        return list(known.tags) if known is not None else []

    def all_tags(self, pictures: Iterable[Picture] | None = None) -> dict[str, list[str]]:
        """The tags of every usable picture, or of these, whose caption can be read.

        A scan reports the rest.
        """
        tags = {}
        for picture in self.usable() if pictures is None else pictures:
            try:
                tags[picture.name] = self.tags(picture.name)
            except images.BadImage:
                continue
        return tags

    def caption_change(self, name: str, tags: Sequence[str]) -> Change:
        """The change that gives a picture these tags; compare ``is_noop``."""
        known, after = self._known_caption(self.caption_file(name)), join_tags(tags) + "\n"
        before = None if known is None else known.text
        # a caption that says the same keeps its spacing; most are to the letter what we would write
        same = before == after or (known is not None and known.tags == list(tags))
        return self._caption_change(name, before, before if same else after)

    def text_change(self, name: str, text: str) -> Change:
        """The change that gives a picture this caption, a line of prose; compare ``is_noop``."""
        before = self.caption_text(name)
        line = " ".join(text.split())
        if before is not None and plain(before) == line:
            return self._caption_change(name, before, before)
        return self._caption_change(name, before, line + "\n")

    def _caption_change(self, name: str, before: str | None, after: str | None) -> Change:
        key = "" if self.caption_extension == sidecars.EXTENSION else self.caption_extension
        return Change("caption", name, key, before, after)

    def edited(self, pictures: Iterable[Picture]) -> set[str]:
        """Names of the pictures whose caption is by hand, or by another program.

        That is each text which no stage of ours has written. Unreadable ones are left out.
        """
        made = self.store.made()
        names = set()
        for picture in pictures:
            try:
                text = self.caption_text(picture.name)
            except images.BadImage:
                continue
            if is_by_hand(self.caption_file(picture.name), text, made):
                names.add(picture.name)
        return names

    def decision_change(self, name: str, key: str, value: str | None) -> Change:
        """The change of one decision to a JSON text, or to None: not decided."""
        return Change("decision", name, key, self.store.decision(name, key), value)

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
            return self._undo_last()

    def _undo_last(self) -> tuple[Edit, tuple[str, ...]]:
        edits = [edit for edit in self.store.edits() if edit.state == "done"]
        if not edits:
            raise DataprepError("there is nothing to undo", "see `dataprep history`")
        edit = self.store.edit(edits[-1].id)
        if self.dry_run:
            self.proposed += inverted(edit.changes)
            return edit, ()
        self.store.begin_undo(edit.id)
        return edit, self._carry_out(edit.id, "hand", "undone", inverted(edit.changes))

    def undoes(self) -> Edit | None:
        """What an undo would take back, without its changes."""
        return next((edit for edit in reversed(self.store.edits()) if edit.state == "done"), None)

    def redoes(self) -> Edit | None:
        """What a redo would carry out again, without its changes: the edit undone last.

        That is possible as long as no other edit has followed.
        """
        undone: Edit | None = None
        for edit in reversed(self.store.edits()):
            if edit.state != "undone":
                break
            undone = edit
        return undone

    def history(self) -> list[Edit]:
        """The journal, oldest first."""
        return self.store.edits()

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
        made = self.store.made() if origin == "bulk" else set()
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

    def _recover(self) -> None:
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

    def _interrupted(self) -> list[Edit]:
        return [edit for edit in self.store.edits() if edit.state in ("pending", "undoing")]

    def _complete(self, edit: Edit) -> None:
        undoing = edit.state == "undoing"
        changes = inverted(edit.changes) if undoing else edit.changes
        # where a folder lies on another disk, and by older versions, files were written beside
        for folder in {self.path(c.name).parent for c in changes if c.kind == "caption"}:
            files.sweep(folder)
        origin: Origin = "hand" if undoing else edit.origin
        self._carry_out(edit.id, origin, "undone" if undoing else "done", changes)


def is_by_hand(file: str, text: str | None, made: Collection[tuple[str, bytes]]) -> bool:
    """Whether a caption is there that is none of the texts in ``store.made()``."""
    return bool(text and plain(text)) and (file, text_digest(text or "")) not in made


def plain(text: str) -> str:
    """A caption as people read it: without byte-order mark and outer blanks."""
    return text.removeprefix("\ufeff").strip()
