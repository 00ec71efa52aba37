"""From remembered scores to captions: what ``tag`` does at its end, and ``retag`` all the time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataprep.choosing import Choosing
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.journal import Change
from dataprep.report import Issue
from dataprep.scoring import Key, items, known
from dataprep.store import Scores, TaggerRow
from dataprep.taggers.choice import Choice, Voice
from dataprep.writing import Plan, Rewriting, Writer, plan, tags_of

EVERY = 500
"""So many pictures between two progresses: a thousandth of a second each would be lost on them."""


class Tagging(Choosing, Rewriting):
    """Which scores become tags, and what happens to captions that are there."""


@dataclass(slots=True)
class Tagged:
    """What became of the captions."""

    changes: tuple[Change, ...]
    planned: Plan
    issues: list[Issue]
    scored: int
    """Pictures that have scores, of those that are to be written."""

    @property
    def tags_each(self) -> float:
        """Tags in a changed caption, on the mean."""
        counts = [len(tags_of(change)) for change in self.changes]
        return sum(counts) / len(counts) if counts else 0.0


def write(
    dataset: Dataset, taggers: Sequence[TaggerRow], settings: Tagging, verb: str
) -> Job[Tagged]:
    """Give the pictures the captions that their remembered scores say, as one edit."""
    store = dataset.store
    choice = Choice(
        [Voice(store.vocabulary(row.key), row.thresholds) for row in taggers], settings.rules
    )
    scores = [known(store, row.key) for row in taggers]
    pictures = items(dataset)
    tagged = Tagged((), plan(dataset, (item.picture for item in pictures), settings), [], 0)
    keys = {item.picture.name: item.key for item in pictures}
    writer = Writer(dataset, settings)
    changes: list[Change] = []
    for done, picture in enumerate(tagged.planned.pictures, start=1):
        found = _tags(choice, scores, keys[picture.name])
        if found is not None:
            tagged.scored += 1
            if not found:
                tagged.issues.append(_nothing(picture.name))
            changes.append(writer.change(picture.name, found))
        if done % EVERY == 0:
            yield Progress(done, len(tagged.planned.pictures), "choosing tags")
    names = ", ".join(dict.fromkeys(row.name for row in taggers))
    tagged.changes = dataset.edit(f"{verb} with {names}", changes, settings.origin)
    return tagged


def _tags(choice: Choice, scores: Sequence[Mapping[Key, Scores]], key: Key) -> list[str] | None:
    rows = [by_key.get(key) for by_key in scores]
    return None if all(row is None for row in rows) else choice.tags(rows)


def _nothing(name: str) -> Issue:
    return Issue(name, "no tags", "no score reaches the threshold", fatal=False)
