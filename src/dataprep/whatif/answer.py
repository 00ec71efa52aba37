"""What is asked, what is answered, and the answer found the long way: caption by caption."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dataprep.captions import SEPARATOR, join_tags, tag_key
from dataprep.concept import Concept
from dataprep.dataset import Dataset, plain
from dataprep.store import Scores
from dataprep.taggers.choice import Choice, Rules, Voice, spelled
from dataprep.tagging import Tagging
from dataprep.vocabulary import Category, Entry
from dataprep.writing import Mode, meant, written

Said = Sequence[Scores | None]
"""What each tagger gave one picture; None: it has not seen it."""


@dataclass(frozen=True, slots=True)
class Caption:
    """A caption that may be written, as it is now."""

    name: str = ""
    """Of its picture."""
    tags: Sequence[str] = ()
    text: str | None = None
    """None: there is no file."""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Wish:
    """Which scores become tags, and in which captions."""

    rules: Rules = field(default_factory=Rules)
    mode: Mode = "overwrite"
    touch_edited: bool = False
    concept: Concept = field(default_factory=Concept)

    @classmethod
    def of(cls, dataset: Dataset, settings: Tagging) -> Wish:
        """What a stage with these settings would do."""
        known = meant(dataset, settings)
        return cls(settings.rules, settings.mode, settings.touch_edited, known)

    def writes(self, caption: Caption) -> bool:
        """Whether a caption is to be written, if there are scores for it."""
        if self.mode == "skip":
            return not plain(caption.text or "")
        return self.mode != "overwrite" or self.touch_edited or not caption.by_hand


class Shift(NamedTuple):
    """A tag that some captions would get, or lose."""

    tag: str
    """As captions would have it, or have it now."""
    before: int
    """Captions that have it."""
    after: int
    added: int
    removed: int
    gained: float
    """Mean score where it is added; 0 where it has none."""
    lost: float
    """The same where it is removed."""

    @property
    def key(self) -> str:
        """What all its spellings have in common."""
        return tag_key(self.tag)


@dataclass(frozen=True, slots=True)
class Answer:
    """What would become of the captions that are to be written and have scores."""

    captions: int
    """How many those are."""
    changed: int
    empty: int
    """Captions for which no score reaches the threshold."""
    unscored: int
    """Captions to be written for which there are no scores: they stay as they are."""
    lacking: int
    """Captions to be written for which some tagger has no scores: it would have to run."""
    kept: int
    """Captions that stay as they are: by hand, or because they are there."""
    before: float
    """Tags in a caption, on the mean."""
    after: float
    sizes: tuple[int, ...]
    """How many captions would have 0, 1, 2 … tags."""
    each: Mapping[Category, float]
    """Tags in a caption by category, of those that a tagger knows."""
    appear: tuple[Shift, ...]
    """Tags that some captions would get, the most first."""
    vanish: tuple[Shift, ...]
    """Tags that some captions would lose, the most first."""


def shifts(found: Iterable[Shift]) -> tuple[tuple[Shift, ...], tuple[Shift, ...]]:
    """Those that appear and those that vanish, in the order in which a person reads them."""
    tags = list(found)
    appear = sorted((s for s in tags if s.added), key=lambda s: (-s.added, s.tag))
    vanish = sorted((s for s in tags if s.removed), key=lambda s: (-s.removed, s.tag))
    return tuple(appear), tuple(vanish)


def counted(
    voices: Sequence[Voice],
    rows: Sequence[Said],
    captions: Sequence[Caption],
    wish: Wish,
    against: Wish | None = None,
) -> Answer:
    """The answer by writing every caption anew, in whatever way captions are written.

    ``against``: compared is not with the captions as they are, but with what this would write.
    """
    choice = Choice(voices, wish.rules)
    other = Choice(voices, against.rules) if against is not None else None
    tally = _Tally(voices, wish)
    unscored = lacking = kept = 0
    for said, caption in zip(rows, captions, strict=True):
        if not wish.writes(caption):
            kept += 1
            continue
        # of a tagger that never ran there are no rows at all
        lacking += not said or any(row is None for row in said)
        if all(row is None for row in said):
            unscored += 1
        else:
            found = choice.tags(said)
            after = written(found, caption.tags, wish.mode, wish.concept)
            before, same = list(caption.tags), caption.text == join_tags(after) + "\n"
            if other is not None and against is not None:
                before = written(other.tags(said), caption.tags, against.mode, against.concept)
                same = False
            missing = caption.text is None and other is None
            changed = missing or not (same or before == after)
            tally.add(said, before, after, changed, not found)
    return tally.answer(unscored, lacking, kept)


class _Tally:
    """Counts captions one by one."""

    def __init__(self, voices: Sequence[Voice], wish: Wish) -> None:
        self._rules = wish.rules
        self._entries: dict[str, Entry] = {}
        self._places: list[dict[str, int]] = []
        for voice in voices:
            self._places.append({tag_key(e.tag): place for place, e in enumerate(voice.vocabulary)})
            for entry in voice.vocabulary:
                self._entries.setdefault(tag_key(entry.tag), entry)
        self._spelling = {tag_key(wish.concept.trigger): wish.concept.trigger}
        self._had: Counter[str] = Counter()
        self._has: Counter[str] = Counter()
        self._scores: dict[bool, defaultdict[str, list[float]]] = {
            True: defaultdict(list),
            False: defaultdict(list),
        }
        self._sizes: Counter[int] = Counter()
        self._before = self._changed = self._empty = 0

    def add(
        self, said: Said, before: Sequence[str], after: Sequence[str], changed: bool, empty: bool
    ) -> None:
        """Count a caption."""
        had, has = self._keys(before), self._keys(after)
        self._had.update(had)
        self._has.update(has)
        scores = [_scores(row) for row in said]
        for key in has ^ had:
            self._scores[key in has][key].append(self._score(scores, key))
        self._before += len(had)
        self._sizes[len(has)] += 1
        self._changed += changed
        self._empty += empty

    def _keys(self, tags: Iterable[str]) -> set[str]:
        keys = {tag_key(tag): tag for tag in tags if tag != SEPARATOR}
        for key, tag in keys.items():
            self._spelling.setdefault(key, tag)
        return set(keys)

    def _score(self, said: Sequence[Mapping[int, float] | None], key: str) -> float:
        """The mean of what those say that know the tag; what is not remembered counts as 0."""
        found = [
            row.get(places[key], 0.0)
            for row, places in zip(said, self._places, strict=True)
            if row is not None and key in places
        ]
        return sum(found) / len(found) if found else 0.0

    def answer(self, unscored: int, lacking: int, kept: int) -> Answer:
        """All that was counted."""
        captions = self._sizes.total()
        each: Counter[Category] = Counter()
        for key, number in self._has.items():
            if key in self._entries:
                each[self._entries[key].category] += number
        appear, vanish = shifts(self._shift(key) for key in self._had | self._has)
        tags = sum(size * number for size, number in self._sizes.items())
        most = max(self._sizes, default=-1)
        return Answer(
            captions,
            self._changed,
            self._empty,
            unscored,
            lacking,
            kept,
            self._before / max(1, captions),
            tags / max(1, captions),
            tuple(self._sizes[size] for size in range(most + 1)),
            {name: number / captions for name, number in each.items()},
            appear,
            vanish,
        )

    def _shift(self, key: str) -> Shift:
        gained, lost = self._scores[True].get(key, []), self._scores[False].get(key, [])
        entry = self._entries.get(key)
        tag = spelled(entry.tag, self._rules) if entry else self._spelling[key]
        return Shift(
            tag,
            self._had[key],
            self._has[key],
            len(gained),
            len(lost),
            sum(gained) / max(1, len(gained)),
            sum(lost) / max(1, len(lost)),
        )


def _scores(row: Scores | None) -> Mapping[int, float] | None:
    if row is None:
        return None
    return dict(zip(row.ids.tolist(), row.values.tolist(), strict=True))
