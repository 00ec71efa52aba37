"""Which pictures a stage is about: names, patterns and filters that a person gives."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from dataprep import tagquery
from dataprep.captions import tag_key
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.jobs import Job, finish
from dataprep.report import Issue
from dataprep.store import Picture
from dataprep.subjects import Facts, Seen
from dataprep.tagquery.nodes import Query
from dataprep.tagquery.patterns import is_wild
from dataprep.tagquery.terms import Category, Found, Score, Tag, is_called
from dataprep.tokens import how_to_place

matches = is_called


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a filter leaves."""

    names: frozenset[str]
    remarks: tuple[Issue, ...] = ()
    """What a person should know of it."""


def select(pictures: Sequence[Picture], patterns: Sequence[str]) -> list[Picture]:
    """The pictures whose name is among ``patterns`` or matches one; all of them without any.

    A pattern with a slash is compared with the whole name, one without also with the file's own.
    Raises ``UsageError`` for a pattern that nothing matches.
    """
    if not patterns:
        return list(pictures)
    found: dict[str, Picture] = {}
    for pattern in patterns:
        hits = {p.name: p for p in pictures if matches(p.name, pattern)}
        if not hits:
            raise UsageError(f"no picture is called '{pattern}'", "see `dataprep scan`")
        found |= hits
    return [picture for picture in pictures if picture.name in found]


def named(dataset: Dataset, pictures: Sequence[Picture], patterns: Sequence[str]) -> list[Picture]:
    """``select`` where a filter may have left some out: a name is looked for among all pictures.

    Raises ``UsageError`` for a pattern that nothing in the project matches.
    """
    if dataset.only is None or not patterns:
        return select(pictures, patterns)
    with unfiltered(dataset):
        meant = {picture.name for picture in select(dataset.pictures(), patterns)}
    return [picture for picture in pictures if picture.name in meant]


@contextmanager
def unfiltered(dataset: Dataset) -> Iterator[None]:
    """Within it ``dataset`` holds all its pictures, whatever filter was given."""
    only, dataset.only = dataset.only, None
    try:
        yield
    finally:
        dataset.only = only


def where(dataset: Dataset, text: str) -> frozenset[str]:
    """Names of the pictures that a filter holds for, rejected and unreadable ones included.

    Raises ``UsageError`` that points at the column. See ``dataprep.tagquery`` for the language.
    """
    return finish(choose(dataset, text)).names


def choose(dataset: Dataset, text: str) -> Job[Chosen]:
    """The same with remarks; pictures are looked at where the filter asks for findings."""
    query = tagquery.parse(text)
    facts = Facts(dataset, (yield from findings(dataset, query)))
    subjects = facts.subjects()
    names = frozenset(held(query, facts, subjects))
    remarks = list(_unscored(query, facts))
    if not names:
        reason = f"the filter holds for none of {len(subjects)} pictures"
        remarks.append(Issue("", "filter", reason, fatal=False))
        known = {key for subject in subjects for key in subject.keys} if _tags(query) else set()
        remarks += _strangers(query, known)
    return Chosen(names, tuple(remarks))


def held(query: Query, facts: Facts, subjects: Sequence[Seen]) -> list[str]:
    """Names of those for which a filter holds, in their order.

    Raises ``UsageError`` for what this project cannot be asked.
    """
    _check(query, facts)
    try:
        return [subject.name for subject in subjects if query.holds(subject)]
    except tagquery.Unsure as error:
        hint = f"there is no CLIP tokenizer on this machine: {how_to_place()}"
        raise DataprepError(error.message, hint) from None


def findings(dataset: Dataset, query: Query) -> Job[dict[str, frozenset[str]]]:
    """Which pictures have the findings that a filter asks for."""
    found: dict[str, frozenset[str]] = {}
    for term in query.terms():
        if isinstance(term, Found) and term.kind not in found:
            from dataprep import check

            try:
                names = yield from check.found(dataset, term.kind)
            except UsageError as error:
                raise query.error(term.column, error.message) from None
            found[term.kind] = frozenset(names)
    return found


def _check(query: Query, facts: Facts) -> None:
    """Raise ``UsageError`` for a tagger that has not run, or a tag or category it does not know."""
    for term in query.terms():
        if isinstance(term, Score):
            _check_score(query, term, facts)
        elif isinstance(term, Category) and not facts.categories:
            what = "the categories of tags are not known: no tagger has run here"
            raise query.error(term.column, what, "run `dataprep tag` first")


def _check_score(query: Query, term: Score, facts: Facts) -> None:
    try:
        tagger = facts.tagger(term.tagger)
    except UsageError as error:
        hint = f'{error.hint}; a tag with a colon goes in quotes: score:"nier:automata">0.6'
        raise query.error(term.column, error.message, hint if term.tagger else error.hint) from None
    if tag_key(term.tag) not in tagger.entries:
        what = f"{tagger.tagger.name} does not know the tag '{term.tag}'"
        raise query.error(term.tag_column, what, _meant(term.tag, tagger.entries))


def _unscored(query: Query, facts: Facts) -> Iterator[Issue]:
    """A remark for each tagger that has not seen some pictures as they are rendered now."""
    for name in dict.fromkeys(t.tagger for t in query.terms() if isinstance(t, Score)):
        tagger = facts.tagger(name)
        usable = [p for p in facts.pictures if not p.reason and not _rejected(facts, p)]
        bare = sum(tagger.scores(picture) is None for picture in usable)
        if bare:
            reason = (
                f"{bare} of {len(usable)} pictures have no scores by {tagger.tagger.name} as they "
                "are rendered now, and no comparison holds of them: run `dataprep tag`"
            )
            yield Issue("", "unscored", reason, fatal=False)


def _rejected(facts: Facts, picture: Picture) -> bool:
    decided = facts.decisions.get(picture.name)
    return decided is not None and decided.verdict == "reject"


def _tags(query: Query) -> list[str]:
    """Tags that a filter names without wildcards."""
    return [
        term.what.text
        for term in query.terms()
        if isinstance(term, Tag) and not term.what.regex and not is_wild(term.what.text)
    ]


def _strangers(query: Query, known: Collection[str]) -> Iterator[Issue]:
    """A remark for each tag of a filter that no caption has; it may be a slip."""
    for tag in _tags(query):
        if tag_key(tag) not in known:
            meant = _meant(tag, known)
            reason = f"no caption has the tag '{tag}'{'; ' if meant else ''}{meant}"
            yield Issue("", "unknown tag", reason, fatal=False)


def _meant(tag: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(tag_key(tag), list(known), n=1)
    return f"did you mean '{close[0]}'?" if close else ""
