"""From taggers' scores to the tags of a caption: thresholds, MCut, votes, order, spelling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
import numpy.typing as npt

from dataprep.captions import escaped, spaced, tag_key
from dataprep.store import Scores
from dataprep.vocabulary import CATEGORIES, Category, Entry

Floats = npt.NDArray[np.floating]
Ids = npt.NDArray[np.signedinteger]
Mask = npt.NDArray[np.bool_]
Order = Literal["model", "score", "category"]
Combine = Literal["union", "intersection", "mean", "vote"]

SINGLE: tuple[Category, ...] = ("quality", "rating")
"""Categories of which a picture has one: the likeliest, whatever its score."""
WRITTEN: tuple[Category, ...] = ("general", "character", "copyright", "species")
"""Categories that become tags unless something else is said."""
LEAST = 0.35
"""For a category of which neither the model nor the user says anything."""
TINY = 1e-6
LEAST_MCUT_CHARACTER = 0.15
"""As in the demo of the WD taggers' makers: without any character the largest gap is noise."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a person wants of the scores."""

    thresholds: Mapping[Category, float] = field(default_factory=dict)
    """Over those of the model."""
    categories: Sequence[Category] = WRITTEN
    mcut: bool = False
    """A picture's own threshold: the middle of the largest gap between its sorted scores (MCut:
    Largeron et al. 2012). Thresholds that are given stay the least."""
    max_tags: int = 0
    """The likeliest so many; 0: all."""
    order: Order = "model"
    combine: Combine = "union"
    """With several taggers: what one, all, more than half or their mean says, asking those that
    know the tag."""
    undesired: Sequence[str] = ()
    """Never written, whichever way they are spelled; ``*`` and ``?`` stand for anything."""
    underscores: bool = False
    escape: bool = False


@dataclass(frozen=True, slots=True)
class Voice:
    """One tagger: what it can say, and its own thresholds by category."""

    vocabulary: Sequence[Entry]
    thresholds: Mapping[Category, float]


class Choice:
    """Built once for taggers and rules, asked for every picture.

    In the order of the model two pictures that share tags share their order, and a caption does
    not shuffle when a threshold moves.
    """

    def __init__(self, voices: Sequence[Voice], rules: Rules) -> None:
        self._rules = rules
        entries: dict[str, Entry] = {}
        for voice in voices:
            for entry in voice.vocabulary:
                entries.setdefault(tag_key(entry.tag), entry)
        places = {key: place for place, key in enumerate(entries)}
        self._names = [spelled(entry.tag, rules) for entry in entries.values()]
        self._category = np.array(
            [CATEGORIES.index(e.category) for e in entries.values()], np.uint8
        )
        written = wanted(entries.items(), rules)
        masks = [written & (self._category == CATEGORIES.index(name)) for name in SINGLE]
        self._plain = written & ~np.any(masks, axis=0)
        self._single = [mask for mask in masks if mask.any()]
        self._places = [
            np.array([places[tag_key(entry.tag)] for entry in voice.vocabulary], np.int64)
            for voice in voices
        ]
        self._least = [self._thresholds(voice) for voice in voices]
        self._known = np.zeros((len(voices), len(entries)), bool)
        for row, there in zip(self._known, self._places, strict=True):
            row[there] = True

    def _thresholds(self, voice: Voice) -> Floats:
        """The score from which each entry (of all taggers') is taken by this one."""
        return least(voice.thresholds, self._rules)[self._category]

    def tags(self, rows: Sequence[Scores | None]) -> list[str]:
        """The tags of a picture, of which each tagger gave these scores; None: it gave none."""
        ids, scores, taken = self._one(rows[0]) if len(rows) == 1 else self._several(rows)
        plain = taken & self._plain[ids]
        chosen = self._limited(ids[plain], scores[plain])
        tags = [self._names[place] for place in chosen]
        ends = (self._likeliest(mask, ids, scores) for mask in self._single)
        return tags + [name for name in ends if name]

    def _one(self, row: Scores | None) -> tuple[Ids, Floats, Mask]:
        ids, scores = self._placed(0, row)
        return ids, scores, scores >= self._cut(0, ids, scores)

    def _several(self, rows: Sequence[Scores | None]) -> tuple[Ids, Floats, Mask]:
        voices = [place for place, row in enumerate(rows) if row is not None]
        known = self._known[voices]
        scores = np.zeros(known.shape, np.float32)
        least = np.full(known.shape, np.inf, np.float32)
        for line, voice in enumerate(voices):
            ids, values = self._placed(voice, rows[voice])
            scores[line, ids] = values
            # of what was not scored nothing is taken, whatever the threshold
            least[line] = np.maximum(self._least[voice], TINY)
            least[line, ids] = self._cut(voice, ids, values)
        asked = np.maximum(known.sum(0), 1)
        mean = scores.sum(0) / asked
        taken = _agreed(self._rules.combine, known, scores, least, mean)
        ids = np.flatnonzero(known.any(0))
        return ids, mean[ids], taken[ids]

    def _placed(self, voice: int, row: Scores | None) -> tuple[Ids, Floats]:
        """Places among all taggers' entries, in their order, and scores."""
        if row is None:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        places = self._places[voice][row.ids]
        order = np.argsort(places, kind="stable")
        return places[order], row.values.astype(np.float32)[order]

    def _cut(self, voice: int, ids: Ids, scores: Floats) -> Floats:
        """The score from which each of these entries is taken."""
        least = self._least[voice][ids]
        if not self._rules.mcut:
            return least
        categories = self._category[ids]
        for number in np.unique(categories):
            same = categories == number
            cut = mcut(scores[same])
            if CATEGORIES[number] == "character":
                cut = max(cut, LEAST_MCUT_CHARACTER)
            least = np.where(same, np.maximum(least, cut), least)
        return least

    def _limited(self, ids: Ids, scores: Floats) -> Ids:
        """The likeliest, in the order that is wished for."""
        rules = self._rules
        by_score = np.argsort(-scores, kind="stable")
        if rules.max_tags:
            by_score = by_score[: rules.max_tags]
        if rules.order == "score":
            return ids[by_score]
        kept = np.sort(ids[by_score])
        if rules.order == "category":
            kept = kept[np.argsort(self._category[kept], kind="stable")]
        return kept

    def _likeliest(self, mask: Mask, ids: Ids, scores: Floats) -> str:
        """The likeliest of a category of which there is one; empty when none has a score."""
        same = mask[ids]
        if not same.any():
            return ""
        return self._names[int(ids[same][np.argmax(scores[same])])]


def _agreed(combine: Combine, known: Mask, scores: Floats, least: Floats, mean: Floats) -> Mask:
    """What taggers (rows) say together of every entry; those that do not know it are not asked."""
    passed, asked = known & (scores >= least), known.sum(0)
    if combine == "union":
        taken = passed.any(axis=0)
    elif combine == "intersection":
        taken = (passed.sum(0) == asked) & (asked > 0)
    elif combine == "vote":
        taken = passed.sum(0) * 2 > asked
    else:
        taken = (asked > 0) & (mean * asked >= np.where(known, least, 0).sum(0))
    return np.asarray(taken, bool)


def mcut(scores: Floats) -> float:
    """The middle of the largest gap between sorted scores, shape (n,); 0 for fewer than two.

    Largeron, Moulin, Géry: MCut, a thresholding strategy for multi-label classification (2012).
    """
    if len(scores) < 2:
        return 0.0
    falling = np.sort(scores.astype(np.float64))[::-1]
    place = int(np.argmax(falling[:-1] - falling[1:]))
    return float((falling[place] + falling[place + 1]) / 2)


def least(own: Mapping[Category, float], rules: Rules) -> Floats:
    """The score from which a tag is taken, by the place of its category; ``own``: the model's."""
    by_category = [
        rules.thresholds.get(category, 0.0 if rules.mcut else own.get(category, LEAST))
        for category in CATEGORIES
    ]
    return np.array(by_category, np.float32)


def wanted(entries: Iterable[tuple[str, Entry]], rules: Rules) -> Mask:
    """Which entries, each behind its ``captions.tag_key``, may be written at all."""
    names = {tag_key(tag) for tag in rules.undesired}
    patterns = [name for name in names if "*" in name or "?" in name]
    categories = {*rules.categories, *rules.thresholds}
    return np.array(
        [
            entry.category in categories
            and key not in names
            and not any(fnmatchcase(key, pattern) for pattern in patterns)
            for key, entry in entries
        ],
        bool,
    )


def spelled(tag: str, rules: Rules) -> str:
    """A tag as captions get it."""
    name = tag if rules.underscores else spaced(tag)
    return escaped(name) if rules.escape else name


def select(
    scores: Floats, vocabulary: Sequence[Entry], thresholds: Mapping[Category, float]
) -> list[str]:
    """The tags of one picture whose scores are given for the whole vocabulary, shape (tags,)."""
    everything = np.arange(len(vocabulary), dtype=np.uint32)
    choice = Choice([Voice(vocabulary, thresholds)], Rules())
    return choice.tags([Scores(everything, scores)])
