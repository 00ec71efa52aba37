"""The remembered scores of a project, to be asked what other thresholds would give."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dataprep.captions import tag_key
from dataprep.choosing import FLOOR
from dataprep.concept import Concept
from dataprep.dataset import Dataset
from dataprep.scoring import items, known
from dataprep.selection import where
from dataprep.settings import Selected
from dataprep.store import TaggerRow
from dataprep.taggers.choice import Rules, Voice, mcut
from dataprep.tagging import Tagging
from dataprep.vocabulary import Category
from dataprep.whatif.answer import Answer, Caption, Said, Wish, counted
from dataprep.whatif.table import Table
from dataprep.writing import Rewriting, meant, plan

ANY = Rewriting(touch_edited=True)
"""Every caption that can be written at all."""
BINS = 190
"""Of a histogram from the floor up to 1: each is 0.005 wide."""
EDGE = 1e-6
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


class WhatIf:
    """What taggers said of the pictures, beside the captions these have; it opens no file."""

    def __init__(
        self,
        voices: Sequence[Voice],
        rows: Sequence[Said],
        captions: Sequence[Caption],
        concept: Concept,
    ) -> None:
        """``rows``: what each tagger gave the picture of each caption."""
        self._voices, self._rows, self._captions = voices, rows, captions
        self._concept = concept

    @cached_property
    def _table(self) -> Table:
        """Of the only tagger."""
        rows = [said[0] for said in self._rows]
        return Table(self._voices[0], rows, self._captions, self._concept.trigger)

    @property
    def scored(self) -> int:
        """Captions whose pictures some tagger has seen as they are rendered now."""
        return sum(any(row is not None for row in said) for said in self._rows)

    @property
    def by_hand(self) -> int:
        """Captions that were written by hand or by another program."""
        return sum(caption.by_hand for caption in self._captions)

    def is_instant(self, wish: Wish, against: Wish | None = None) -> bool:
        """Whether the answer comes in milliseconds; else captions are written one by one."""
        same = against is None or _writing(against) == _writing(wish)
        return (
            len(self._voices) == 1
            and wish.mode in ("skip", "overwrite")
            and wish.concept.trigger == self._concept.trigger
            and same
            and self._table.is_plain
        )

    def answer(self, wish: Wish, against: Wish | None = None) -> Answer:
        """What ``retag``, or ``tag``, would then do.

        ``against``: compared is not with the captions as they are, but with what this would write.
        """
        if self.is_instant(wish, against):
            return self._table.answer(wish, against)
        return counted(self._voices, self._rows, self._captions, wish, against)

    def histogram(self, category: Category) -> Counts:
        """How many scores of a category fall into each of ``BINS``."""
        return _binned(self._of(category))

    def histogram_of(self, tag: str) -> Counts:
        """The same of one tag."""
        key, found = tag_key(tag), []
        for number, voice in enumerate(self._voices):
            ids = [
                place for place, entry in enumerate(voice.vocabulary) if tag_key(entry.tag) == key
            ]
            found += [self._values(number, np.array(ids, np.int64))]
        return _binned(np.concatenate(found))

    def category_of(self, tag: str) -> Category | None:
        """Of a tag; None: no tagger here knows it."""
        return self._categories.get(tag_key(tag))

    @cached_property
    def _categories(self) -> dict[str, Category]:
        entries = [entry for voice in reversed(self._voices) for entry in voice.vocabulary]
        return {tag_key(entry.tag): entry.category for entry in entries}

    def mcut(self, category: Category) -> float | None:
        """Where MCut's thresholds lie: their median over the pictures; None: there are none."""
        cuts = []
        for number, voice in enumerate(self._voices):
            fits = np.array([entry.category == category for entry in voice.vocabulary], bool)
            for said in self._rows:
                row = said[number]
                if row is not None and len(values := row.values[fits[row.ids]]) > 1:
                    cuts.append(mcut(values))
        return float(np.median(cuts)) if cuts else None

    def _of(self, category: Category) -> Floats:
        found = []
        for number, voice in enumerate(self._voices):
            fits = [place for place, e in enumerate(voice.vocabulary) if e.category == category]
            found.append(self._values(number, np.array(fits, np.int64)))
        return np.concatenate(found)

    def _values(self, voice: int, ids: npt.NDArray[np.int64]) -> Floats:
        """All scores that a tagger gave these of its entries."""
        every, values = self._columns[voice]
        there = np.zeros(len(self._voices[voice].vocabulary), bool)
        there[ids] = True
        return values[there[every]]

    @cached_property
    def _columns(self) -> list[tuple[npt.NDArray[np.uint32], Floats]]:
        """Of each tagger: all scores there are, and of which entry each is."""
        columns = []
        for number in range(len(self._voices)):
            rows = [said[number] for said in self._rows]
            ids = [row.ids for row in rows if row is not None]
            values = [row.values for row in rows if row is not None]
            columns.append(
                (
                    np.concatenate([np.empty(0, np.uint32), *ids]),
                    np.concatenate([np.empty(0, np.float16), *values]).astype(np.float32),
                )
            )
        return columns


def look(dataset: Dataset, taggers: Sequence[TaggerRow], settings: Tagging) -> WhatIf:
    """Read what is remembered. Raises ``DataprepError`` where ``settings.where`` is wrong."""
    _narrow(dataset, settings)
    store = dataset.store
    voices = [Voice(store.vocabulary(row.key), row.thresholds) for row in taggers]
    scores = [known(store, row.key) for row in taggers]
    found = {item.picture.name: item for item in items(dataset)}
    writable = plan(dataset, (item.picture for item in found.values()), ANY).pictures
    by_hand = dataset.edited(writable)
    captions = [
        Caption(name, dataset.tags(name), dataset.caption_text(name), name in by_hand)
        for name in (picture.name for picture in writable)
    ]
    rows = [[by_key.get(found[p.name].key) for by_key in scores] for p in writable]
    return WhatIf(voices, rows, captions, meant(dataset, settings))


def _narrow(dataset: Dataset, settings: Selected) -> None:
    """Mean the pictures and captions that ``settings`` say, as a stage does after its scan."""
    dataset.only = None
    dataset.caption_extension = settings.caption_extension or dataset.own_extension
    if settings.where:
        dataset.only = where(dataset, settings.where)


def _writing(wish: Wish) -> tuple[object, ...]:
    rules: Rules = wish.rules
    return wish.mode, wish.concept.trigger, rules.order, rules.underscores, rules.escape


def _binned(values: Floats) -> Counts:
    """How many fall into each bin; what lies on an edge into the upper one."""
    place = ((values.astype(np.float64) - FLOOR) / (1 - FLOOR) * BINS + EDGE).astype(np.int64)
    return np.bincount(np.clip(place, 0, BINS - 1), minlength=BINS)
