"""``dataprep sort``: the tags of every caption in one order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from pydantic import Field, model_validator

from dataprep import bulk, remembered
from dataprep.bulk import Bulk, EditOf, in_captions, note
from dataprep.captions import frequency, tag_key
from dataprep.dataset import Dataset
from dataprep.edits.places import sorting
from dataprep.jobs import Job
from dataprep.report import Report
from dataprep.settings import Selected as Base
from dataprep.vocabulary import CATEGORIES

By = Literal["name", "frequency", "category", "model", "score"]


class Settings(Base):
    """By what, and how much of a caption stays."""

    by: By = "name"
    """By name; the most frequent first; by category, as taggers give it; in the order of the
    tagger's own list; the highest score first. Tags of which that is not known stay behind."""
    keep: int | None = Field(default=None, ge=0)
    """So many tags at the front stay; without it those that the recipe's [train] keeps
    (keep_tokens). The trigger word always does, and in captions with ||| what stands before it."""
    tagger: str = ""
    """For model and score: whose, by name; without it the tagger's that ran last."""

    @model_validator(mode="after")
    def _tagger_counts(self) -> Settings:
        if self.tagger and self.by not in ("model", "score"):
            raise ValueError("tagger: is for --by model and --by score")
        return self


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Sort every caption meant, as one edit; tags that rank the same keep their order."""
    work = yield from bulk.opened(dataset, settings, settings.keep)
    changes = yield from bulk.changed(work, _edit(work, settings))
    title = f"sort: by {settings.by} {in_captions(len(changes))}"
    return bulk.finished(work, "sort", title, changes)


def _edit(work: Bulk, settings: Settings) -> EditOf:
    if settings.by == "score":
        return _by_score(work, settings.tagger)
    edit = sorting(_key(work, settings), work.fixed)

    def edit_of(_: str, tags: Sequence[str]) -> list[str]:
        return edit(tags)

    return edit_of


def _key(work: Bulk, settings: Settings) -> Callable[[str], object]:
    if settings.by == "name":
        return tag_key
    if settings.by == "frequency":
        counts = {tag_key(tag): -count for tag, count in frequency(work.captions.values())}
        return _ranked(counts)
    if settings.by == "category":
        # says what to do when no tagger has run
        remembered.find(work.dataset.store.taggers())
        place = {category: number for number, category in enumerate(CATEGORIES)}
        known = remembered.categories(work.dataset)
        return _ranked({key: place[category] for key, category in known.items()})
    row = remembered.find(work.dataset.store.taggers(), settings.tagger)
    vocabulary = work.dataset.store.vocabulary(row.key)
    return _ranked({tag_key(entry.tag): number for number, entry in enumerate(vocabulary)})


def _ranked(ranks: Mapping[str, int]) -> Callable[[str], int]:
    last = max(ranks.values(), default=0) + 1
    return lambda tag: ranks.get(tag_key(tag), last)


def _by_score(work: Bulk, tagger: str) -> EditOf:
    """Each picture by its own scores; pictures that were not scored as they are now stay."""
    row = remembered.find(work.dataset.store.taggers(), tagger)
    scores = remembered.Remembered(work.dataset, row)
    pictures = {picture.name: picture for picture in work.dataset.pictures()}
    lacking = sum(
        bool(tags) and scores.scores(pictures[name]) is None for name, tags in work.captions.items()
    )
    if lacking:
        reason = f"{row.name} has not scored {lacking} of the pictures as they are now; they stay"
        work.issues.append(note("no scores", reason))

    def edit_of(name: str, tags: Sequence[str]) -> list[str]:
        def least(tag: str) -> float:
            score = scores.score(pictures[name], tag_key(tag))
            return 1.0 if score is None else -score

        return sorting(least, work.fixed)(tags)

    return edit_of
