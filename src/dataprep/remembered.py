"""What taggers said of the pictures, as it is remembered: no model runs here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions
from dataprep.errors import UsageError
from dataprep.store import Picture, Scores, TaggerRow
from dataprep.vocabulary import Category, Entry

UNDECIDED = Decisions()


def find(taggers: list[TaggerRow], name: str = "") -> TaggerRow:
    """The tagger of this name or key that ran last; without one, whichever ran last.

    It may be named as for ``tag``: "demo", a repository, a folder. Raises ``UsageError`` when none
    has run.
    """
    if not taggers:
        raise UsageError("no tagger has run here yet", "run `dataprep tag` first")
    for row in reversed(taggers):
        if not name or name in (row.name, row.key):
            return row
    # with it come the models, which a name that is known here does without
    from dataprep.candidates import name_of

    for row in reversed(taggers):
        if row.name == name_of(name):
            return row
    known = ", ".join(sorted({row.name for row in taggers}))
    raise UsageError(f"tagger '{name}' has not run here", f"these have: {known}")


class Remembered:
    """The scores of one tagger. Tags are asked for by ``captions.tag_key``."""

    def __init__(self, dataset: Dataset, tagger: TaggerRow) -> None:
        self.tagger = tagger
        self.vocabulary: list[Entry] = dataset.store.vocabulary(tagger.key)
        self._dataset = dataset

    def score(self, picture: Picture, key: str) -> float | None:
        """The score of a tag; 0 below the floor, None: this render, or this tag, was never scored.

        Raises nothing: a tag that the tagger does not know has no score.
        """
        index = self._places.get(key)
        scores = self.scores(picture)
        if index is None or scores is None:
            return None
        place = int(np.searchsorted(scores.ids, index))
        there = place < len(scores.ids) and scores.ids[place] == index
        return float(scores.values[place]) if there else 0.0

    def scores(self, picture: Picture) -> Scores | None:
        """All scores of a picture as it is rendered now, by index into the vocabulary."""
        decisions = self._decisions.get(picture.name, UNDECIDED)
        return self._rows.get((picture.sha, decisions.render_key))

    @cached_property
    def entries(self) -> Mapping[str, Entry]:
        """What the vocabulary says of a tag."""
        return {tag_key(entry.tag): entry for entry in reversed(self.vocabulary)}

    @cached_property
    def _places(self) -> dict[str, int]:
        return {tag_key(entry.tag): place for place, entry in enumerate(self.vocabulary)}

    @cached_property
    def _rows(self) -> dict[tuple[str, str], Scores]:
        # with it come the models, which those who ask no score do without
        from dataprep.scoring import known

        # an exact run leaves a later fast one nothing to do
        return dict(known(self._dataset.store, self.tagger.key))

    @cached_property
    def _decisions(self) -> dict[str, Decisions]:
        return self._dataset.decisions()


def categories(dataset: Dataset) -> dict[str, Category]:
    """The category of every tag that some tagger here knows, by ``captions.tag_key``."""
    return {
        tag_key(entry.tag): entry.category
        for row in dataset.store.taggers()
        for entry in dataset.store.vocabulary(row.key)
    }
