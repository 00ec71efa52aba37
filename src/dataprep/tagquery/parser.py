"""From text to a ``Query``, by recursive descent.

some    = every { OR every }
every   = negated { [AND] negated }
negated = { NOT } ( "(" some ")" | term )
"""

from __future__ import annotations

from dataprep.tagquery.errors import FilterError
from dataprep.tagquery.lexer import Token, tokens
from dataprep.tagquery.nodes import Every, Never, Node, Query, Some
from dataprep.tagquery.words import is_open, term

DEEPEST = 60
"""So many parentheses may be open at once."""


def parse(text: str) -> Query:
    """A filter out of its text. Raises ``FilterError``, which points at the column."""
    return Query(text, _Parser(text).whole())


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens(text)
        self._place = 0
        self._open: list[Token] = []

    def whole(self) -> Node:
        """All of the text."""
        if self._next.kind == "end":
            hint = "such as: solo AND NOT hat"
            raise self._error(self._next, "a filter is expected, and there is nothing", hint)
        node = self._some()
        if self._next.kind == "close":
            hint = 'a tag with one parenthesis needs quotes: tag:":)"'
            raise self._error(self._next, "this parenthesis was never opened", hint)
        return node

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        self._place += 1
        return self._tokens[self._place - 1]

    def _some(self) -> Node:
        parts = [self._every()]
        while self._next.kind == "or":
            self._take()
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Node:
        parts = [self._negated()]
        while self._next.kind in ("and", "not", "open", "word"):
            if self._next.kind == "and":
                self._take()
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _negated(self) -> Node:
        negated = False
        while self._next.kind == "not":
            self._take()
            negated = not negated
        node = self._operand()
        return Never(node) if negated else node

    def _operand(self) -> Node:
        token = self._take()
        if token.kind == "open":
            return self._group(token)
        if token.kind != "word":
            self._place -= 1
            what = f"a tag or a term is expected{self._but(token)}"
            hint = f"in quotes '{token.word.text}' is a tag" if token.kind in ("and", "or") else ""
            raise self._error(token, what, hint)
        word = token.word
        # "size < 512" is one term
        while is_open(word) and self._next.kind == "word":
            if word.bare[-1:] not in tuple("<>=") and self._next.word.bare[:1] not in tuple("<>=!"):
                break
            word = word.joined(self._take().word)
        return term(self._text, word)

    def _group(self, opening: Token) -> Node:
        self._open.append(opening)
        if len(self._open) > DEEPEST:
            raise self._error(opening, f"no more than {DEEPEST} parentheses may be open at once")
        node = self._some()
        if self._take().kind != "close":
            raise self._error(opening, "this parenthesis is not closed")
        self._open.pop()
        return node

    @staticmethod
    def _but(token: Token) -> str:
        return ", and the filter ends" if token.kind == "end" else f", not '{token.word.text}'"

    def _error(self, token: Token, what: str, hint: str = "") -> FilterError:
        return FilterError(self._text, token.column, what, hint)
