"""What one word of a filter means: ``tag:hat``, ``size<512``, ``edited``, or a bare tag."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import cast

from dataprep.tagquery import patterns
from dataprep.tagquery.errors import FilterError
from dataprep.tagquery.lexer import Word
from dataprep.tagquery.nodes import Node
from dataprep.tagquery.terms import (
    FLAGS,
    NUMBERS,
    Bucket,
    Caption,
    Category,
    Comparison,
    Flag,
    Folder,
    Format,
    Found,
    Name,
    Number,
    Operator,
    Score,
    Tag,
    Text,
    Verdict,
)
from dataprep.vocabulary import CATEGORIES

HEAD = re.compile(r"([A-Za-z]+)(:|<=|>=|!=|==|<|>|=)")
TEST = re.compile(r"(<=|>=|!=|==|<|>|=)\s*([^<>=!]*)$")
"""The last comparison of a word, over its unquoted letters."""
NUMBER = re.compile(r"(?:[0-9]{1,10}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})", re.ASCII)
SIZE = re.compile(r"([0-9]{1,6})[x×]([0-9]{1,6})", re.IGNORECASE | re.ASCII)
NEGATED = re.compile(r"[-!][^\W_]")
REGEX = "re:"
VERDICTS = ("keep", "reject", "undecided")
FORMATS = {"jpg": "jpeg", "tif": "tiff", "heic": "heif"}
"""Endings of files, and what Pillow calls them."""


def term(text: str, word: Word) -> Node:
    """A term out of a word of the filter ``text``. Raises ``FilterError``."""
    return _Term(text, word).node()


def is_open(word: Word) -> bool:
    """Whether a comparison has begun that is not whole, so that the next word belongs to it."""
    head = re.match(r"[A-Za-z]+", word.bare)
    if head is None or head[0].casefold() not in {*NUMBERS, "score"}:
        return False
    if head[0].casefold() == "score" and word.bare[head.end() :][:1] != ":":
        return False
    found = TEST.search(word.bare)
    return found is None or not word.text[found.end(1) :].strip()


class _Term:
    """Reads one word."""

    def __init__(self, text: str, word: Word) -> None:
        self._text, self._word = text, word

    def node(self) -> Node:
        word = self._word
        head = HEAD.match(word.bare)
        if head is None:
            return self._alone()
        name, sign = head[1].casefold(), head[2]
        if name in NUMBERS:
            if sign == ":":
                return Number(name, self._test("=", word.since(head.end())))
            return Number(name, self._test(sign, word.since(head.end())))
        if sign == ":" and name in VALUES:
            rest = word.since(head.end())
            if not rest.text.strip():
                hint = f"{name}:{EXAMPLES[name]}, without a blank between"
                raise self._error(rest.column, f"something is expected behind {name}:", hint)
            return VALUES[name](self, rest)
        raise self._no_such(name, sign)

    def _alone(self) -> Node:
        """A word without a colon or comparison: a flag, or a tag."""
        word = self._word
        name = word.bare.casefold()
        if name in FLAGS:
            return Flag(name)
        if name in NUMBERS:
            raise self._error(word.end, *_needs(name, f"{name}<512", "a comparison"))
        if name in VALUES:
            raise self._error(word.end, *_needs(name, f"{name}:{EXAMPLES[name]}", "a colon"))
        if not word.bare.strip():
            return Tag(Text(word.text))
        if self._text[word.column - 1] in "\"'" and word.bare.strip():
            place = next(i for i, letter in enumerate(word.bare) if not letter.isspace())
            hint = "put a blank there, or all of the tag into the quotes"
            raise self._error(word.columns[place], "a blank is expected behind the quotes", hint)
        if NEGATED.match(word.bare):
            hint = f"write NOT {word.text[1:]}; if it is a tag: tag:{_in_quotes(word.text)}"
            raise self._error(word.column, f"'{word.text[0]}' before a word means nothing", hint)
        return self.tag(word)

    def tag(self, word: Word) -> Node:
        """A tag, with wildcards or as a regular expression."""
        what = self._looked_for(word)
        if not what.regex and "," in word.bare:
            hint = "write AND or OR between two tags"
            column = word.columns[word.bare.index(",")]
            raise self._error(column, "a comma is in no tag", hint)
        return Tag(what)

    def name(self, word: Word) -> Node:
        """A file's name."""
        return Name(self._looked_for(word))

    def folder(self, word: Word) -> Node:
        """A folder."""
        return Folder(self._looked_for(word))

    def caption(self, word: Word) -> Node:
        """Words of the caption."""
        return Caption(self._looked_for(word))

    def format(self, word: Word) -> Node:
        """What a file is."""
        name = word.text.strip().casefold().removeprefix(".")
        if not re.fullmatch(r"[a-z0-9]+", name, re.ASCII):
            raise self._error(word.column, "a format is expected, such as png or jpeg")
        return Format(FORMATS.get(name, name))

    def bucket(self, word: Word) -> Node:
        """A size that crop decided."""
        found = SIZE.fullmatch(word.text.strip())
        if found is None:
            raise self._error(word.column, "a size is expected, such as 512x768")
        return Bucket(int(found[1]), int(found[2]))

    def verdict(self, word: Word) -> Node:
        """Keep, reject or undecided."""
        return Verdict(self._one_of(word, VERDICTS, "verdict"))

    def category(self, word: Word) -> Node:
        """A category of tags."""
        return Category(self._one_of(word, CATEGORIES, "category"), word.column)

    def issue(self, word: Word) -> Node:
        """A finding; which there are is asked later."""
        return Found(word.text.strip().casefold(), word.column)

    def score(self, word: Word) -> Node:
        """``hat>0.6``, or ``"a tagger":hat>0.6``."""
        found = TEST.search(word.bare)
        if found is None:
            raise self._error(word.end, "a comparison is expected, such as score:hat>0.6")
        what = word.part(0, found.start())
        test = self._test(found[1], word.since(found.end(1)))
        colon = what.bare.find(":")
        tagger, tag = what.part(0, 0), what
        if 0 < colon < len(what.text) - 1:
            tagger, tag = what.part(0, colon), what.since(colon + 1)
        if not tag.text.strip():
            raise self._error(tag.column, "a tag is expected, such as score:hat>0.6")
        return Score(tagger.text.strip(), tag.text.strip(), test, what.column, tag.column)

    def _test(self, sign: str, word: Word) -> Comparison:
        """A comparison with ``512``, or with ``300..600``."""
        operator = cast("Operator", {"==": "="}.get(sign, sign))
        low, dots, high = word.text.strip().partition("..")
        if not dots:
            return Comparison(operator, self._number(word, low))
        if operator != "=":
            raise self._error(word.column, f"'{sign}' takes one number; a range goes with = or :")
        test = Comparison("..", self._number(word, low), self._number(word, high))
        if test.number > test.upper:
            raise self._error(word.column, "the smaller number comes first in a range")
        return test

    def _number(self, word: Word, text: str) -> float:
        if not NUMBER.fullmatch(text.strip()):
            but = f", not '{text.strip()}'" if text.strip() else ""
            raise self._error(word.column, f"a number is expected, such as 512 or 0.6{but}")
        return round(float(text), 5)

    def _looked_for(self, word: Word) -> Text:
        if not word.bare.casefold().startswith(REGEX):
            return Text(word.text)
        rest = word.since(len(REGEX))
        if not rest.text:
            raise self._error(rest.column, "a regular expression is expected behind re:")
        try:
            patterns.regex(rest.text)
        except patterns.BadRegex as error:
            column = rest.since(error.place).column
            hint = "put it in quotes if there are blanks or parentheses in it"
            raise self._error(column, f"no regular expression: {error.what}", hint) from None
        return Text(rest.text, regex=True)

    def _one_of(self, word: Word, known: tuple[str, ...], what: str) -> str:
        name = word.text.strip().casefold()
        if name not in known:
            near = _nearest(name, known)
            hint = f"did you mean '{near}'?" if near else f"known: {', '.join(known)}"
            raise self._error(word.column, f"'{name}' is no {what}", hint)
        return name

    def _no_such(self, name: str, sign: str) -> FilterError:
        word = self._word
        if name in VALUES and name != "tag":
            example = f"{name}:{EXAMPLES[name]}"
            return self._error(word.column, f"{name} is not compared with a number: {example}")
        near = _nearest(name, [*VALUES, *NUMBERS])
        meant = f"did you mean '{near}'? " if near else ""
        hint = f"{meant}if it is a tag: tag:{_in_quotes(word.text)}; docs/filters.md has all words"
        return self._error(word.column, f"the filters have no word '{name}{sign}'", hint)

    def _error(self, column: int, what: str, hint: str = "") -> FilterError:
        return FilterError(self._text, column, what, hint)


VALUES: dict[str, Callable[[_Term, Word], Node]] = {
    "tag": _Term.tag,
    "name": _Term.name,
    "folder": _Term.folder,
    "format": _Term.format,
    "bucket": _Term.bucket,
    "caption": _Term.caption,
    "verdict": _Term.verdict,
    "category": _Term.category,
    "score": _Term.score,
    "issue": _Term.issue,
}
"""Words with something behind a colon."""
EXAMPLES = {
    "tag": '"long hair"',
    "name": "*.png",
    "folder": "city",
    "format": "png",
    "bucket": "512x768",
    "caption": "hat",
    "verdict": "keep",
    "category": "character",
    "score": "hat>0.6",
    "issue": "blurred",
}


def _needs(name: str, example: str, what: str) -> tuple[str, str]:
    return f"{what} is expected: {example}", f"if it is a tag: tag:{name}"


def _nearest(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), n=1)), "")


def _in_quotes(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
