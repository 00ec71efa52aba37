"""Leafing through a project: its pictures filtered and ordered, and what is known of one.

What was found out for one question serves the next, so that ten thousand pictures are narrowed
while one types.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, get_args

from dataprep import check
from dataprep.captions import split_tags, tag_key
from dataprep.check.kinds import KINDS
from dataprep.dataset import Dataset
from dataprep.decisions import Decisions, Verdict
from dataprep.errors import UsageError
from dataprep.jobs import finish
from dataprep.looks import VERSION
from dataprep.selection import held
from dataprep.store import Picture
from dataprep.subjects import Facts, Seen
from dataprep.tagquery.errors import FilterError
from dataprep.tagquery.loose import Letters, loosely
from dataprep.tagquery.nodes import Between, Query
from dataprep.tagquery.terms import Found
from dataprep.tokens import BUDGETS

VERDICTS = ("undecided", *(verdict for verdict in get_args(Verdict) if verdict != "undecided"))


class Item(Protocol):
    """A picture with what was read of it."""

    @property
    def picture(self) -> Picture:
        """Its facts."""

    @property
    def caption(self) -> str:
        """Its caption; empty without one, or when it cannot be read."""

    @property
    def decisions(self) -> Decisions:
        """What was decided about it."""

    @property
    def problem(self) -> str:
        """Why the picture or its caption cannot be used; empty when both can."""


Items = Mapping[str, Item]
"""By name, in the order of the names."""
ORDERS: Mapping[str, Callable[[Item], Any]] = {
    "name": lambda item: 0,
    "size": lambda item: item.picture.width * item.picture.height,
    "tags": lambda item: len(split_tags(item.caption)),
    "verdict": lambda item: VERDICTS.index(item.decisions.verdict),
    "date": lambda item: -item.picture.mtime_ns,
}
"""By what pictures can be ordered, those of one rank by name; the newest file comes first."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a filter leaves, in order."""

    names: tuple[str, ...]
    letters: tuple[str, ...] = ()
    """Words of the filter that name no tag and were looked for in names and captions."""
    unseen: str = ""
    """The filter asks for a finding, and `dataprep check` has to look at pictures first: which."""


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of one picture's caption."""

    name: str
    count: Callable[[str], Between]
    """Counts the CLIP tokens of a caption: at least, and at most."""
    budget: int = BUDGETS[-1]
    """So many tokens are read of it."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """The scores of its tags, by key, by the tagger that ran last."""
    doubtful: frozenset[str] = frozenset()
    """Those of them below that tagger's own threshold."""


class _Known(Facts):
    """Facts of pictures whose captions and decisions have been read already."""

    def __init__(self, dataset: Dataset, items: Items) -> None:
        super().__init__(dataset, pictures=[item.picture for item in items.values()])
        self._items = items
        self.decisions = {name: item.decisions for name, item in items.items()}

    def caption(self, name: str) -> str | None:
        item = self._items[name]
        return None if item.problem and not item.picture.reason else item.caption


class Browser:
    """Answers for one project, in the thread in which ``dataset`` was opened."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._items: Items = {}
        self._facts = _Known(dataset, {})
        self._subjects: dict[str, Seen] = {}
        self._tags: frozenset[str] | None = None
        self._budget = _budget(dataset)

    def update(self, items: Items) -> None:
        """These are the pictures now; what is known of those that have not changed is kept."""
        if items is self._items:
            return
        before, facts = self._items, _Known(self._dataset, items)
        same = {name for name, item in items.items() if _same(before.get(name), item)}
        # token counts are by text
        facts.count = self._facts.count
        if all(_pixels(before.get(name)) == _pixels(items[name]) for name in items.keys() - same):
            facts.keep_taggers(self._facts)
            facts.found = {
                kind: names
                for kind, names in self._facts.found.items()
                if KINDS[kind].about == "pixels"
            }
        known = self._subjects
        self._subjects = {
            name: known[name].among(facts) if name in same else Seen(facts, item.picture)
            for name, item in items.items()
        }
        self._items, self._facts, self._tags = items, facts, None

    def listing(self, text: str, order: str, looked: bool = False) -> Listing:
        """The pictures for which a filter holds; all without one.

        ``looked``: what could be looked at has been. Raises ``DataprepError`` for a filter that
        says nothing, or not here.
        """
        query, letters = self._query(text) if text.strip() else (None, ())
        if query is None:
            return Listing(self._ordered(self._items, order))
        if unseen := self._find(query, looked):
            return Listing((), letters, unseen)
        names = held(query, self._facts, list(self._subjects.values()))
        return Listing(self._ordered(names, order), letters)

    def problems(self) -> dict[str, str]:
        """The pictures that need a look, rejected ones aside, each with what is wrong in a word.

        "unreadable", "untagged", or "long": more tokens than are read of a caption.
        """
        found = {
            name: self._problem(item)
            for name, item in self._items.items()
            if item.decisions.verdict != "reject"
        }
        return {name: problem for name, problem in found.items() if problem}

    def _problem(self, item: Item) -> str:
        if item.problem:
            return "unreadable"
        if not item.caption:
            return "untagged"
        # a token is at least a letter
        may_be = len(item.caption) > self._budget
        return "long" if may_be and self._facts.count(item.caption)[0] > self._budget else ""

    def details(self, name: str) -> Details:
        """What is known of a picture's caption; of one that is gone, nothing."""
        item, count = self._items.get(name), self._facts.count
        try:
            tagger = self._facts.tagger("")
        except UsageError:
            return Details(name, count, self._budget)
        if item is None:
            return Details(name, count, self._budget)
        scores, doubtful = {}, set()
        for key in map(tag_key, split_tags(item.caption)):
            score = tagger.score(item.picture, key)
            if score is not None:
                scores[key] = score
                limit = tagger.tagger.thresholds.get(tagger.entries[key].category, 0.0)
                doubtful |= {key} if score < limit else set()
        return Details(name, count, self._budget, scores, frozenset(doubtful))

    def _query(self, text: str) -> tuple[Query, tuple[str, ...]]:
        """The filter; one that cannot be read but stands so in a name or caption means that."""
        try:
            return loosely(text, lambda key: key in self.tags())
        except FilterError:
            query = Query(text, Letters(text.strip()))
            if any(map(query.holds, self._subjects.values())):
                return query, (text.strip(),)
            raise

    def tags(self) -> frozenset[str]:
        """The keys of all tags of the captions."""
        if self._tags is None:
            self._tags = frozenset().union(*(one.keys for one in self._subjects.values()))
        return self._tags

    def _find(self, query: Query, looked: bool) -> str:
        """Find what the filter asks of `dataprep check`; what takes too long: its name."""
        found = dict(self._facts.found)
        for term in query.terms():
            if isinstance(term, Found) and term.kind not in found:
                kind = KINDS.get(term.kind)
                pixels = kind is not None and kind.about == "pixels"
                if pixels and not looked and self._unseen():
                    return term.kind
                try:
                    found[term.kind] = frozenset(finish(check.found(self._dataset, term.kind)))
                except UsageError as error:
                    raise query.error(term.column, error.message) from None
        self._facts.found = found
        return ""

    def _unseen(self) -> bool:
        """Whether there are pictures that have not been looked at."""
        looked = self._dataset.store.looked(VERSION)
        return any(
            not item.picture.reason
            and item.decisions.verdict != "reject"
            and item.picture.sha not in looked
            for item in self._items.values()
        )

    def _ordered(self, names: Iterable[str], order: str) -> tuple[str, ...]:
        rank = ORDERS[order]
        return tuple(sorted(names, key=lambda name: (rank(self._items[name]), name)))


def _same(before: Item | None, item: Item) -> bool:
    return before is item or before == item


def _pixels(item: Item | None) -> tuple[str, str]:
    """What a tagger sees."""
    return (item.picture.sha, item.decisions.render_key) if item else ("", "")


def _budget(dataset: Dataset) -> int:
    """Tokens that the trainer reads of a caption; not said: the most that any reads."""
    from dataprep.check.settings import Settings
    from dataprep.settings import for_stage

    try:
        return for_stage(Settings, "check", dataset.root, {}).budget or BUDGETS[-1]
    except UsageError:
        return BUDGETS[-1]
