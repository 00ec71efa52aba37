"""One tagger's scores as columns, from which a threshold is asked in milliseconds.

A line is a picture and a tag: those that were scored, those that the caption has now, and the
trigger word of each. The order of a caption's tags depends on no threshold, so whether it would be
written otherwise than it is, with the very same tags, is found out once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dataprep.captions import SEPARATOR, split_tags, tag_key
from dataprep.store import Scores
from dataprep.taggers.choice import (
    LEAST_MCUT_CHARACTER,
    SINGLE,
    Rules,
    Voice,
    least,
    spelled,
    wanted,
)
from dataprep.vocabulary import CATEGORIES
from dataprep.whatif.answer import Answer, Caption, Shift, Wish, shifts

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
CHARACTER = CATEGORIES.index("character")
SINGLES = [CATEGORIES.index(name) for name in SINGLE]
OUTSIDE = len(CATEGORIES)
"""The category of a tag that the tagger does not know."""
UNSCORED = -1.0
LAST = np.int64(1) << 60
"""Sorts behind every place."""


class Table:
    """One tagger's scores of the captions' pictures; it answers wishes with this trigger word."""

    def __init__(
        self,
        voice: Voice,
        rows: Sequence[Scores | None],
        captions: Sequence[Caption],
        trigger: str,
    ) -> None:
        self._own, self._captions, self._trigger = voice.thresholds, captions, trigger
        self._entries = [(tag_key(entry.tag), entry) for entry in voice.vocabulary]
        self._places = {key: place for place, (key, _) in enumerate(self._entries)}
        self._scored = np.array([row is not None for row in rows], bool)
        self._absent = np.array([caption.text is None for caption in captions], bool)
        self._torn = np.array([SEPARATOR in caption.tags for caption in captions], bool)
        """Captions with a separator, which none of ours would have."""
        self._read_captions()
        self._trigger_place = self._place(trigger) if trigger else -1
        self._read_scores(rows)
        codes = [CATEGORIES.index(entry.category) for _, entry in self._entries]
        codes += [OUTSIDE] * (len(self._places) - len(codes))
        self._category = np.array(codes, np.int64)
        self._memory: dict[object, Mask] = {}
        self._known_names: dict[tuple[bool, bool], list[str]] = {}

    @cached_property
    def is_plain(self) -> bool:
        """Whether each entry, and the trigger word, is one tag that nothing else is called.

        Otherwise captions are to be counted one by one.
        """
        names = [entry.tag for _, entry in self._entries]
        distinct = len({key for key, _ in self._entries}) == len(names)
        texts = [*names, self._trigger] if self._trigger else names
        return distinct and all(split_tags(text) == [text] for text in texts)

    def _place(self, tag: str) -> int:
        """Of a tag's entry; one without gets a place behind all entries."""
        return self._places.setdefault(tag_key(tag), len(self._places))

    def _read_captions(self) -> None:
        """The tags of the captions in their order."""
        tokens = [
            (number, tag)
            for number, caption in enumerate(self._captions)
            if self._scored[number]
            for tag in caption.tags
            if tag != SEPARATOR
        ]
        known: dict[str, int] = {}
        texts = [known.setdefault(text, len(known)) for _, text in tokens]
        places = [self._place(text) for text in known]
        self._texts = list(known)
        """The tags as captions spell them."""
        self._text_place = np.array(places, np.int64)
        self._token_picture = np.array([number for number, _ in tokens], np.int64)
        self._token_text = np.array(texts, np.int64)
        self._token_place = self._text_place[self._token_text]

    def _read_scores(self, rows: Sequence[Scores | None]) -> None:
        there = [(number, row) for number, row in enumerate(rows) if row is not None]
        pictures = np.array([number for number, _ in there], np.int64)
        width = len(self._places) + 1
        nothing = Scores(np.empty(0, np.uint32), np.empty(0, np.float16))
        found = [nothing, *(row for _, row in there)]
        codes = np.repeat(pictures, [len(row.ids) for _, row in there]) * width
        codes += np.concatenate([row.ids for row in found])
        values = np.concatenate([row.values for row in found]).astype(np.float32)
        tokens = self._token_picture * width + self._token_place
        trigger = pictures * width + self._trigger_place if self._trigger else pictures[:0]
        lines = np.unique(np.concatenate([codes, tokens, trigger]))
        self.picture: Ints = lines // width
        self.place: Ints = lines % width
        self.value: Floats = np.full(len(lines), UNSCORED, np.float32)
        self.value[np.searchsorted(lines, codes)] = values
        self._token_line = np.searchsorted(lines, tokens)
        self._now = np.zeros(len(lines), bool)
        """Which lines the captions have."""
        self._now[self._token_line] = True

    # which lines become tags

    @cached_property
    def _by_score(self) -> Ints:
        """The lines, of each picture the likeliest first; of equals the first in the model."""
        return np.lexsort((self.place, -self.value, self.picture))

    @cached_property
    def cuts(self) -> Floats:
        """Of each line: the middle of the largest gap among its picture's and category's scores."""
        category = self._category[self.place]
        found = np.zeros(len(self.value), np.float32)
        order = np.lexsort((-self.value, category, self.picture))
        order = order[self.value[order] >= 0]
        if len(order):
            found[order] = _cuts(self.picture[order] * OUTSIDE + category[order], self.value[order])
        found[category == CHARACTER] = np.maximum(
            found[category == CHARACTER], np.float32(LEAST_MCUT_CHARACTER)
        )
        return found

    def _wanted(self, rules: Rules) -> Mask:
        """Which places may be written."""
        meant = frozenset((*rules.categories, *rules.thresholds))
        key = ("wanted", meant, tuple(rules.undesired))
        if key not in self._memory:
            found = np.zeros(len(self._places), bool)
            found[: len(self._entries)] = wanted(self._entries, rules)
            self._memory[key] = found
        return self._memory[key]

    def chosen(self, rules: Rules) -> Mask:
        """The lines that become tags."""
        plain = self._wanted(rules) & ~np.isin(self._category, SINGLES)
        bar = np.append(least(self._own, rules), np.float32(np.inf))[self._category]
        # what was not scored is below everything
        bar = np.where(plain, np.maximum(bar, np.float32(0)), np.float32(np.inf))[self.place]
        taken: Mask = self.value >= (np.maximum(bar, self.cuts) if rules.mcut else bar)
        if rules.max_tags:
            lines = self._by_score[taken[self._by_score]]
            kept = lines[_nth(self.picture[lines]) < rules.max_tags]
            taken = np.zeros(len(taken), bool)
            taken[kept] = True
        for code in SINGLES:
            fits = self._wanted(rules) & (self._category == code)
            if fits.any():
                lines = self._by_score[fits[self.place[self._by_score]]]
                lines = lines[self.value[lines] >= 0]
                taken[lines[_nth(self.picture[lines]) == 0]] = True
        return taken

    def _kept(self, chosen: Mask, wish: Wish) -> Mask:
        """The lines that stand in captions: without what was pruned, with the trigger word."""
        stays = np.ones(len(self._places), bool)
        gone = [self._places.get(tag_key(tag), -1) for tag in wish.concept.pruned]
        stays[[place for place in gone if place >= 0]] = False
        found: Mask = chosen & stays[self.place]
        if self._trigger:
            found |= self.place == self._trigger_place
        return found

    # which captions are written, and how

    def _wished(self, wish: Wish) -> Mask:
        key = ("wished", wish.mode, wish.touch_edited)
        if key not in self._memory:
            self._memory[key] = np.array([wish.writes(one) for one in self._captions], bool)
        return self._memory[key]

    def _untidy(self, rules: Rules) -> Mask:
        """The captions that would be written otherwise, even with the very same tags."""
        key = ("untidy", rules.order, rules.underscores, rules.escape)
        if key not in self._memory:
            tokens = zip(self._text_place.tolist(), self._texts, strict=True)
            right = np.array([self._is_spelled(*token, rules) for token in tokens], bool)
            wrong = self._torn.copy()
            wrong[self._token_picture[~right[self._token_text]]] = True
            order, picture = self._order(rules), self._token_picture
            later = (picture[1:] == picture[:-1]) & (order[1:] <= order[:-1])
            wrong[picture[1:][later]] = True
            self._memory[key] = wrong
        return self._memory[key]

    def _is_spelled(self, place: int, text: str, rules: Rules) -> bool:
        if place == self._trigger_place:
            return text == self._trigger
        return place < len(self._entries) and text == self._names(rules)[place]

    def _order(self, rules: Rules) -> Ints:
        """By what the tags of a caption are sorted."""
        place = self._token_place
        category = self._category[place]
        if rules.order == "score":
            rank = np.empty(len(self.place), np.int64)
            rank[self._by_score] = np.arange(len(rank))
            order = rank[self._token_line]
        elif rules.order == "category":
            order = category * (len(self._places) + 1) + place
        else:
            order = place.copy()
        for behind, code in enumerate(SINGLES):
            order[category == code] = LAST + behind
        order[place == self._trigger_place] = -1
        return order

    # the answer

    def answer(self, wish: Wish, against: Wish | None = None) -> Answer:
        """What would become of the captions; see ``WhatIf.answer``."""
        wished = self._wished(wish)
        written = wished & self._scored
        chosen, lines = self.chosen(wish.rules), written[self.picture]
        after = self._kept(chosen, wish) & lines
        if against is None:
            before = self._now & lines
            changed = (self._absent | self._untidy(wish.rules)) & written
        else:
            before = self._kept(self.chosen(against.rules), against) & lines
            changed = np.zeros(len(written), bool)
        changed[self.picture[before != after]] = True
        number, unscored = int(written.sum()), int((wished & ~self._scored).sum())
        sizes = np.bincount(self._counts(after)[written]) if number else np.empty(0, np.int64)
        appear, vanish = shifts(self._shifts(before, after, wish.rules))
        each = np.bincount(self._category[self.place[after]], minlength=OUTSIDE)
        return Answer(
            captions=number,
            changed=int(changed.sum()),
            empty=int((self._counts(chosen)[written] == 0).sum()),
            unscored=unscored,
            lacking=unscored,
            kept=int((~wished).sum()),
            before=float(before.sum()) / max(1, number),
            after=float(after.sum()) / max(1, number),
            sizes=tuple(sizes.tolist()),
            each={
                name: float(tags) / number
                for name, tags in zip(CATEGORIES, each[:OUTSIDE].tolist(), strict=True)
                if tags
            },
            appear=appear,
            vanish=vanish,
        )

    def _counts(self, lines: Mask) -> Ints:
        """How many of these lines each picture has."""
        return np.bincount(self.picture[lines], minlength=len(self._captions))

    def _shifts(self, before: Mask, after: Mask, rules: Rules) -> list[Shift]:
        """The tags that some caption would get or lose."""
        added, removed = after & ~before, before & ~after
        score = np.maximum(self.value, np.float32(0))
        had, has = self._by_place(before), self._by_place(after)
        plus, minus = self._by_place(added), self._by_place(removed)
        gained = self._by_place(added, score) / np.maximum(plus, 1)
        lost = self._by_place(removed, score) / np.maximum(minus, 1)
        moved = np.flatnonzero(plus + minus)
        names = self._names(rules)
        columns = [column[moved].tolist() for column in (had, has, plus, minus, gained, lost)]
        return [
            Shift(*row)
            for row in zip(map(names.__getitem__, moved.tolist()), *columns, strict=True)
        ]

    def _by_place(
        self, lines: Mask, weights: Floats | None = None
    ) -> npt.NDArray[np.float64] | Ints:
        """How many of these lines each tag has, or the sum of their weights."""
        weights = None if weights is None else weights[lines]
        return np.bincount(self.place[lines], weights, minlength=len(self._places))

    def _names(self, rules: Rules) -> list[str]:
        """The tags as captions would have them, by place."""
        key = (rules.underscores, rules.escape)
        if key not in self._known_names:
            known = [spelled(entry.tag, rules) for _, entry in self._entries]
            self._known_names[key] = [
                *known,
                *(self._spelling[place] for place in range(len(known), len(self._places))),
            ]
        return self._known_names[key]

    @cached_property
    def _spelling(self) -> dict[int, str]:
        """Of tags that the tagger does not know: as they are spelled first."""
        found = {self._trigger_place: self._trigger}
        for text, place in zip(self._texts, self._text_place.tolist(), strict=True):
            found.setdefault(place, text)
        return found


def _cuts(group: Ints, value: Floats) -> Floats:
    """``mcut`` of each line's group; the groups stand together, the largest values first."""
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    sizes = np.diff(np.r_[starts, len(value)])
    exact = value.astype(np.float64)
    gap = np.r_[exact[:-1] - exact[1:], 0.0]
    gap[starts + sizes - 1] = -1.0  # what lies behind a group is no gap of it
    number = np.repeat(np.arange(len(starts)), sizes)
    widest = np.flatnonzero(gap == np.maximum.reduceat(gap, starts)[number])
    at = widest[_nth(number[widest]) == 0]
    below = np.minimum(at + 1, len(value) - 1)
    cut = np.where(sizes > 1, (exact[at] + exact[below]) / 2, 0.0)
    return cut.astype(np.float32)[number]


def _nth(sorted_numbers: Ints) -> Ints:
    """Of each number how often it has stood before."""
    start = np.searchsorted(sorted_numbers, sorted_numbers)
    return np.arange(len(sorted_numbers)) - start
