"""Filters as one types them while looking: a word that is no tag means a part of a name."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from dataprep.captions import tag_key
from dataprep.tagquery.lexer import tokens
from dataprep.tagquery.nodes import Every, Never, Node, Query, Some, Subject
from dataprep.tagquery.parser import parse
from dataprep.tagquery.patterns import is_wild
from dataprep.tagquery.terms import Tag, quoted


@dataclass(frozen=True, slots=True)
class Letters:
    """Letters somewhere in the name or the caption."""

    text: str

    def holds(self, subject: Subject) -> bool:
        """Whatever the case."""
        folded = self.text.casefold()
        return folded in subject.name.casefold() or folded in subject.text.casefold()

    def __str__(self) -> str:
        return quoted(self.text)


def loosely(text: str, is_tag: Callable[[str], bool]) -> tuple[Query, tuple[str, ...]]:
    """A filter in which a word that names no tag means letters, and those words.

    ``is_tag`` is asked with keys. Words behind ``tag:``, and such with wildcards, stay tags.
    Raises ``FilterError``.
    """
    query = parse(text)
    bare = {token.word.text for token in tokens(text) if token.kind == "word"}
    loose = {
        term.what.text: None
        for term in query.terms()
        if isinstance(term, Tag) and _is_loose(term, bare, is_tag)
    }
    return Query(text, _replaced(query.node, loose.keys())) if loose else query, tuple(loose)


def _is_loose(term: Tag, bare: set[str], is_tag: Callable[[str], bool]) -> bool:
    text = term.what.text
    if term.what.regex or text not in bare:
        return False
    key = tag_key(text)
    return not is_wild(key) and not is_tag(key)


def _replaced(node: Node, loose: Collection[str]) -> Node:
    match node:
        case Every(parts):
            return Every(tuple(_replaced(part, loose) for part in parts))
        case Some(parts):
            return Some(tuple(_replaced(part, loose) for part in parts))
        case Never(part):
            return Never(_replaced(part, loose))
        case Tag(what) if not what.regex and what.text in loose:
            return Letters(what.text)
    return node
