"""A filter's text as words and parentheses.

A word ends at a blank. Quotes, double or single, hold blanks together; a quote within is written
twice. A parenthesis inside a word belongs to it together with the one that closes it, so that
``saber_(fate)`` is one word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dataprep.tagquery.errors import FilterError

BEFORE_QUOTE = ":<>="
"""Behind these, and at the beginning of a word, an apostrophe is a quote."""
OPERATORS: dict[str, Literal["and", "or", "not"]] = {
    "and": "and",
    "&": "and",
    "&&": "and",
    "or": "or",
    "|": "or",
    "||": "or",
    "not": "not",
}
"""Words that join others, in any case; in quotes, or behind tag:, they are tags."""

Kind = Literal["word", "and", "or", "not", "open", "close", "end"]


@dataclass(frozen=True, slots=True)
class Word:
    """Letters without their quotes."""

    text: str
    columns: tuple[int, ...]
    """Where each letter stands in the filter, from 1."""
    bare: str
    """The same letters with a blank in place of each that was quoted."""
    column: int
    end: int
    """The column behind it."""

    def since(self, place: int) -> Word:
        """What is left from this letter on."""
        return self.part(place, len(self.text))

    def part(self, start: int, stop: int) -> Word:
        """The letters from ``start`` to before ``stop``."""
        column = self.columns[start] if start < len(self.columns) else self.end
        end = self.columns[stop] if stop < len(self.columns) else self.end
        return Word(
            self.text[start:stop], self.columns[start:stop], self.bare[start:stop], column, end
        )

    def joined(self, other: Word) -> Word:
        """Both as if there were no blank between them."""
        return Word(
            self.text + other.text,
            self.columns + other.columns,
            self.bare + other.bare,
            self.column,
            other.end,
        )


@dataclass(frozen=True, slots=True)
class Token:
    """A word, an operator, a parenthesis, or the end."""

    kind: Kind
    word: Word

    @property
    def column(self) -> int:
        """Where it begins, from 1."""
        return self.word.column


def tokens(text: str) -> list[Token]:
    """All of a filter, an end last. Raises ``FilterError``."""
    found: list[Token] = []
    place = 0
    while place < len(text):
        letter = text[place]
        if letter.isspace():
            place += 1
        elif letter in "()":
            kind: Kind = "open" if letter == "(" else "close"
            found.append(Token(kind, Word(letter, (place + 1,), letter, place + 1, place + 2)))
            place += 1
        else:
            word = _Reader(text, place).word()
            found.append(Token(OPERATORS.get(word.bare.casefold(), "word"), word))
            place = word.end - 1
    end = len(text) + 1
    return [*found, Token("end", Word("", (), "", end, end))]


class _Reader:
    """Reads one word."""

    def __init__(self, text: str, place: int) -> None:
        self._text, self._start, self._place = text, place, place
        self._letters: list[str] = []
        self._bare: list[str] = []
        self._columns: list[int] = []
        self._opened: list[int] = []

    def word(self) -> Word:
        """The word that begins here."""
        while self._place < len(self._text) and not self._ends():
            if self._quotes():
                self._quoted()
            else:
                self._letter()
        if self._opened:
            hint = 'a tag with one parenthesis needs quotes: tag:":("'
            raise self._error(self._opened[-1], "this parenthesis is not closed", hint)
        return Word(
            "".join(self._letters),
            tuple(self._columns),
            "".join(self._bare),
            self._start + 1,
            self._place + 1,
        )

    def _ends(self) -> bool:
        letter = self._text[self._place]
        if letter == "(":
            return "".join(self._bare).casefold() in OPERATORS
        return letter.isspace() or (letter == ")" and not self._opened)

    def _quotes(self) -> bool:
        letter = self._text[self._place]
        if letter == "'":
            return not self._bare or self._bare[-1] in BEFORE_QUOTE
        return letter == '"'

    def _letter(self) -> None:
        letter = self._text[self._place]
        if letter == "\\" and self._text[self._place + 1 : self._place + 2] in ("(", ")"):
            # as captions write them for tools that read weights
            self._add(letter, letter)
            letter = self._text[self._place]
        elif letter == "(":
            self._opened.append(self._place + 1)
        elif letter == ")":
            self._opened.pop()
        self._add(letter, letter)

    def _quoted(self) -> None:
        """What stands between two quotes."""
        opening, quote = self._place + 1, self._text[self._place]
        self._place += 1
        while self._place < len(self._text):
            if self._text[self._place] == quote:
                self._place += 1
                if self._text[self._place : self._place + 1] != quote:
                    if self._place == opening + 1:
                        raise self._error(opening, "there is nothing between the quotes")
                    return
            self._add(self._text[self._place], " ")
        raise self._error(opening, "this quote is not closed")

    def _add(self, letter: str, bare: str) -> None:
        self._letters.append(letter)
        self._bare.append(bare)
        self._columns.append(self._place + 1)
        self._place += 1

    def _error(self, column: int, what: str, hint: str = "") -> FilterError:
        return FilterError(self._text, column, what, hint)
