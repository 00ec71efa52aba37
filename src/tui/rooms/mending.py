"""Edits by hand of the pictures that are meant: verdicts, captions, tags; and copying them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from dataprep.captions import split_tags, tag_key
from dataprep.dataset import Dataset
from dataprep.decisions import Verdict
from dataprep.edits.places import adding
from dataprep.files import write_text
from dataprep.images import BadImage
from dataprep.journal import Change
from tui.dialogs.caption import CaptionDialog
from tui.dialogs.tags import TagsAnswer, TagsDialog
from tui.editor import edit_file
from tui.rooms.room import Room
from tui.state import Row
from tui.words import N_, _, n_

SHOWN = 60
"""Letters of what was copied that are shown."""


class Mending(Room):
    """What is done to the marked pictures or the one with the cursor, each as one edit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "judge('keep')", N_("Keep"), id="review.keep"),
        Binding("d", "judge('reject')", N_("Reject"), id="review.reject"),
        Binding("w", "judge('undecided')", N_("Leave undecided"), show=False, id="review.open"),
        Binding("e", "caption", N_("Caption"), id="review.caption"),
        Binding("E", "editor", N_("Caption in your editor"), show=False, id="review.editor"),
        Binding("i", "tags", N_("Add or remove tags"), show=False, id="review.tags"),
        Binding("y", "copy_path", N_("Copy the path"), show=False, id="review.copy_path"),
        Binding("c", "copy_caption", N_("Copy the caption"), show=False, id="review.copy_caption"),
    ]

    @property
    def row(self) -> Row | None:
        """The picture with the cursor."""
        raise NotImplementedError

    @property
    def meant(self) -> Sequence[str]:
        """Names of the marked pictures; without marks that with the cursor."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Take the marks away, or without any go on to the next picture."""
        raise NotImplementedError

    def tokens(self, caption: str) -> str:
        """How long a caption is, in words."""
        raise NotImplementedError

    def action_judge(self, verdict: Verdict) -> None:
        """Keep, reject or leave open."""
        names = list(self.meant)
        if not names:
            return
        from dataprep import verdicts

        def changes(dataset: Dataset) -> Iterable[Change]:
            return [one for name in names for one in verdicts.changes(dataset, name, verdict)]

        self.desk.edit(verdicts.title(verdict, names), changes)
        self.go_on()

    def action_caption(self) -> None:
        """Edit the caption here."""
        row = self.row
        if row is None or not self._readable(row):
            return

        def edited(text: str | None) -> None:
            if text is not None:
                self._write(row, text)

        self.desk.proposals.prepare()
        trigger = self.desk.project.trigger
        dialog = CaptionDialog(
            row.name, row.caption, self.desk.proposals.tags, trigger, self.tokens
        )
        self.app.push_screen(dialog, edited)

    def action_editor(self) -> None:
        """Edit the caption in the person's own editor; it sees a copy, so that undo is possible."""
        row = self.row
        if row is None or not self._readable(row):
            return
        with tempfile.TemporaryDirectory(prefix="dataprep-") as folder:
            path = Path(folder) / f"{Path(row.name).stem}.txt"
            write_text(path, row.caption + "\n")
            failed = edit_file(self.app, path)
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                failed = failed or f"{path.name}: {error}"
        if failed:
            self.desk.say(failed, "error")
        else:
            self._write(row, text)

    def _readable(self, row: Row) -> bool:
        """A caption that cannot be read must not be written over."""
        if row.problem and not row.picture.reason:
            said = _("{name}: {problem}; mend it with a program that knows its encoding")
            self.desk.say(said.format(name=row.name, problem=row.problem), "error")
            return False
        return True

    def _write(self, row: Row, text: str) -> None:
        """Give a picture this caption, unless another program changed it meanwhile."""
        if text.strip() == row.caption:
            return

        def changes(dataset: Dataset) -> Iterable[Change]:
            if (dataset.caption(row.name) or "") != row.caption:
                said = _("{name}: the caption has changed meanwhile; nothing was written")
                self.desk.say(said.format(name=row.name), "error")
                return []
            # an end of line separates tags; in a line of its own prose keeps every comma
            if "\n" in text.strip():
                return [dataset.caption_change(row.name, split_tags(text))]
            return [dataset.text_change(row.name, text)]

        self.desk.edit(f"caption of {row.name}", changes)

    def action_tags(self) -> None:
        """Add tags to all that are meant, or remove some."""
        names = list(self.meant)
        if not names:
            return

        def answered(answer: TagsAnswer | None) -> None:
            if answer is not None and (answer.add or answer.remove):
                self.desk.edit(_title(answer, names), retagged(names, answer))

        self.desk.proposals.prepare()
        self.app.push_screen(TagsDialog(len(names), self.desk.proposals.tags), answered)

    def action_copy_path(self) -> None:
        """Copy the files' paths."""
        rows = [self.desk.project.rows[name] for name in self.meant]
        self._copy("\n".join(str(row.path) for row in rows), len(rows))

    def action_copy_caption(self) -> None:
        """Copy the captions."""
        rows = [self.desk.project.rows[name] for name in self.meant]
        captions = [row.caption for row in rows if row.caption]
        if captions:
            self._copy("\n".join(captions), len(captions))
        elif rows:
            self.desk.say(_("there is no caption to copy"), "warning")

    def _copy(self, text: str, lines: int) -> None:
        """Copy, and say so: a terminal that cannot do it says nothing."""
        if not text:
            return
        self.app.copy_to_clipboard(text)
        if lines > 1:
            self.desk.say(n_("copied {n} line", "copied {n} lines", lines))
            return
        shown = text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"
        self.desk.say(_("copied: {text}").format(text=shown))


def retagged(names: Sequence[str], answer: TagsAnswer) -> Callable[[Dataset], Iterable[Change]]:
    """The changes that add tags at the end of captions that lack them, and take others out."""

    def changes(dataset: Dataset) -> Iterable[Change]:
        gone, add = {tag_key(tag) for tag in answer.remove}, adding(answer.add)
        for name in names:
            try:
                tags = dataset.tags(name)
            except BadImage:
                continue  # what cannot be read must not be written over
            edited = add([tag for tag in tags if tag_key(tag) not in gone])
            if edited != tags:
                yield dataset.caption_change(name, edited)

    return changes


def _title(answer: TagsAnswer, names: Sequence[str]) -> str:
    parts = [f"+{tag}" for tag in answer.add] + [f"-{tag}" for tag in answer.remove]
    which = names[0] if len(names) == 1 else f"{len(names)} pictures"
    return f"tags {' '.join(parts)}: {which}"
