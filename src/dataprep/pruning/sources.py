"""What a project knows of its tags beyond the captions: categories, scores, how common they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from dataprep import remembered
from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.pruning import taglist
from dataprep.pruning.suggest import Evidence, Steadiness
from dataprep.pruning.taglist import TagList
from dataprep.remembered import Remembered
from dataprep.store import Picture
from dataprep.vocabulary import Category


class Sources:
    """Asked by the rules that need it; nothing is read before."""

    def __init__(self, dataset: Dataset, tagger: str, tag_list: Path | None) -> None:
        self._dataset, self._tagger, self._given = dataset, tagger, tag_list

    @cached_property
    def tag_list(self) -> TagList | None:
        """The list of Danbooru's tags that a person placed or gave."""
        path = taglist.find(self._given)
        return None if path is None else taglist.read(path)

    @cached_property
    def categories(self) -> dict[str, Category]:
        """The category of every tag that the list or some tagger here knows; taggers win."""
        listed = self.tag_list.categories if self.tag_list is not None else {}
        return {**listed, **remembered.categories(self._dataset)}

    @cached_property
    def scores(self) -> Remembered | None:
        """The scores of the tagger that is meant; None: none was named and none has run."""
        taggers = self._dataset.store.taggers()
        if not taggers and not self._tagger:
            return None
        return Remembered(self._dataset, remembered.find(taggers, self._tagger))

    def need_categories(self, wanted_for: str) -> dict[str, Category]:
        """The categories. Raises ``UsageError`` where no tag has one."""
        if not self.categories:
            raise UsageError(
                f"{wanted_for}: no tag has a category here",
                "run `dataprep tag` with a tagger that knows categories, or name a list of "
                "Danbooru's tags with --tag-list FILE",
            )
        return self.categories

    def need_tag_list(self, wanted_for: str) -> TagList:
        """The list. Raises ``UsageError`` saying where to put it."""
        if self.tag_list is None:
            raise taglist.missing(wanted_for)
        return self.tag_list

    def below(self, least: float) -> Callable[[str, Sequence[str]], Iterable[str]]:
        """Which tags of a picture have a score, and that below ``least``.

        Raises ``UsageError`` where no tagger has run.
        """
        scores = Remembered(
            self._dataset, remembered.find(self._dataset.store.taggers(), self._tagger)
        )
        pictures = {picture.name: picture for picture in self._dataset.usable()}
        places = {tag_key(entry.tag): place for place, entry in enumerate(scores.vocabulary)}

        def low(name: str, keys: Sequence[str]) -> list[str]:
            row = scores.scores(pictures[name])
            if row is None:
                return []  # it was never scored
            found = dict(zip(row.ids.tolist(), row.values.tolist(), strict=True))
            return [key for key in keys if key in places and found.get(places[key], 0.0) < least]

        return low

    def evidence(self, pictures: Iterable[Picture]) -> Evidence:
        """What ranks tags; steadiness over those of the pictures that were scored."""
        steady = _steadiness(self.scores, pictures) if self.scores is not None else {}
        return Evidence(self.categories, self._priors(), steady)

    def _priors(self) -> dict[str, float]:
        """The share of pictures with each tag, where the commonest tag counts as on all of them."""
        counts: dict[str, int] = dict(self.tag_list.pictures) if self.tag_list is not None else {}
        if self.scores is not None:
            # the pictures the tagger itself learned from come before what a list says
            own = {tag_key(e.tag): e.pictures for e in self.scores.vocabulary if e.pictures > 0}
            counts = own or counts
        most = max(counts.values(), default=0)
        return {key: (n + 0.5) / (most + 1) for key, n in counts.items() if n > 0}


def _steadiness(scores: Remembered, pictures: Iterable[Picture]) -> dict[str, Steadiness]:
    """Mean and spread of every tag's score over the pictures that were scored."""
    size = len(scores.vocabulary)
    first, second, total = np.zeros(size), np.zeros(size), 0
    for picture in pictures:
        row = scores.scores(picture)
        if row is not None:
            values = row.values.astype(np.float64)
            first[row.ids] += values
            second[row.ids] += values**2
            total += 1
    if not total:
        return {}
    mean = first / total
    spread = np.sqrt(np.maximum(second / total - mean**2, 0))
    return {
        tag_key(entry.tag): Steadiness(float(mean[place]), float(spread[place]))
        for place, entry in enumerate(scores.vocabulary)
    }
