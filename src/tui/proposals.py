"""What is proposed while one types tags and filters: asked of the project when it is needed.

The taggers' vocabularies and the list of tags are read once, the captions' tags again after the
project has changed; meanwhile the answer is that of before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from dataprep.errors import UsageError
from dataprep.tagquery.completion import Completion, Known, Named, complete
from dataprep.tagwords import Index, Tagwords, Word, elsewhere, note, tagwords
from tui.state import Project, Row

if TYPE_CHECKING:
    from dataprep.dataset import Dataset
    from tui.desk import Desk

GROUP = "proposals"


class Proposals:
    """Completes tags and filters for one open project."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._words = Tagwords(Index(), Index())
        self._elsewhere: Index | None = None
        self._read: Project | None = None
        """The project of which the words are."""
        self._asked: Project | None = None
        self._known: tuple[Project, dict[str, list[Named]]] | None = None
        self._issues: list[Named] = []

    def prepare(self) -> None:
        """Read what has changed; who opens a line to type in calls it, so that it is there."""
        project = self._desk.project
        if project is self._read or project is self._asked or not project.loaded:
            return
        self._asked = project
        known = self._elsewhere
        rows = project.rows.values()

        def question(dataset: Dataset) -> tuple[Tagwords, list[Named], str]:
            index, remark = read_elsewhere(dataset) if known is None else (known, "")
            return tagwords((row.tags for row in rows), index), issues(), remark

        def then(answer: tuple[Tagwords, list[Named], str]) -> None:
            self._words, self._issues, remark = answer
            self._elsewhere = self._words.elsewhere
            self._read, self._known = project, None
            if remark:
                self._desk.say(remark, "warning")

        self._desk.ask(GROUP, question, then)

    def forget(self) -> None:
        """A tagger has run, or a list was placed: read their tags again."""
        self._elsewhere = self._read = self._asked = None

    @property
    def ready(self) -> bool:
        """Whether the project as it is now was read."""
        return self._read is self._desk.project

    def tags(self, typed: str) -> Sequence[Word]:
        """Tags that may be meant: of the project, the taggers, the list."""
        self.prepare()
        return self._words.complete(typed)

    def filter(self, text: str, cursor: int) -> Sequence[Completion]:
        """What a filter may go on with."""
        self.prepare()
        known = Known(self._in_captions, self._scored, {**self._values(), "issue": self._issues})
        return complete(text, cursor, known)

    def _in_captions(self, typed: str) -> Iterable[Named]:
        return [(word.tag, note(word)) for word in self._words.in_captions(typed)]

    def _scored(self, typed: str) -> Iterable[Named]:
        found = self._words.complete(typed) if typed else self._words.in_captions(typed)
        return [(word.tag, note(word)) for word in found]

    def _values(self) -> dict[str, list[Named]]:
        project = self._desk.project
        if self._known is None or self._known[0] is not project:
            self._known = (project, values(project.rows.values()))
        return self._known[1]


def values(rows: Iterable[Row]) -> dict[str, list[Named]]:
    """What the pictures have of folder, format, bucket and verdict, the most common first."""
    found: dict[str, Counter[str]] = {
        name: Counter() for name in ("folder", "format", "bucket", "verdict")
    }
    for row in rows:
        folder = row.name.rpartition("/")[0]
        found["folder"][folder or "."] += 1
        if row.picture.format:
            found["format"][row.picture.format.casefold()] += 1
        if row.decisions.crop is not None:
            found["bucket"][f"{row.decisions.crop.width}x{row.decisions.crop.height}"] += 1
        found["verdict"][row.decisions.verdict] += 1
    return {
        name: [(value, f"×{count}") for value, count in counts.most_common()]
        for name, counts in found.items()
    }


def read_elsewhere(dataset: Dataset) -> tuple[Index, str]:
    """The tags of the taggers that ran here, and of the list a person placed.

    A list that is none is left out; what is wrong with it is told beside.
    """
    from dataprep.pruning import taglist

    listed, remark = None, ""
    try:
        path = taglist.find(None)
        listed = taglist.read(path) if path is not None else None
    except UsageError as error:
        remark = error.message
    taggers = dataset.store.taggers()
    entries = (entry for row in taggers for entry in dataset.store.vocabulary(row.key))
    return elsewhere(entries, listed), remark


def issues() -> list[Named]:
    """The findings that a picture can have, each with why it matters."""
    from dataprep.check import KINDS

    return [(kind.name, kind.why) for kind in KINDS.values() if kind.about != "layout"]
