"""What a filter may go on with at a cursor, also where it does not parse yet. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dataprep.captions import tag_key
from dataprep.tagquery.errors import FilterError
from dataprep.tagquery.lexer import OPERATORS, Kind, Token, Word, tokens
from dataprep.tagquery.parser import parse
from dataprep.tagquery.patterns import SPECIAL, is_wild
from dataprep.tagquery.terms import FLAGS, NUMBERS, Tag, quoted
from dataprep.tagquery.words import FORMATS, HEAD, TEST, VALUES, VERDICTS, is_open
from dataprep.vocabulary import CATEGORIES

MOST = 40
"""So many are offered."""
LONGEST = 4
"""So many words without quotes are tried as one tag."""
CURSOR = "\ue000"
"""Stands where the cursor is while the words are read, so that there is always one."""
MEANINGS = {
    "tag": "a tag of the caption",
    "score": "a tagger's score of a tag",
    "caption": "a word of the caption",
    "name": "the file's name",
    "folder": "in this folder",
    "format": "what the file is",
    "bucket": "the size that crop gave it",
    "verdict": "keep, reject or undecided",
    "category": "a tag of this category",
    "issue": "what check finds of it",
}
"""What stands behind a colon, in the order in which it is offered."""
JOINERS = {"AND": "both hold", "OR": "one of them holds", "NOT": "the opposite"}
MORE = ("aspect", "tokens", "tags", "megapixels")
"""Numbers of which one rather asks for the larger ones."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One way to go on with a text that is being typed."""

    text: str
    """What stands from ``start`` to ``end`` once it is taken."""
    start: int
    end: int
    shown: str
    note: str = ""
    """What it means, or how many pictures have it."""
    goes_on: bool = False
    """More has to follow, such as a value behind a colon."""

    def applied(self, text: str) -> str:
        """The text once this is taken."""
        return text[: self.start] + self.text + text[self.end :]


Named = tuple[str, str]
"""A value and what is to be said of it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a project has that filters ask for."""

    tags: Callable[[str], Iterable[Named]] = lambda needle: ()
    """Tags of its captions that may be meant by a beginning, the likeliest first."""
    scored: Callable[[str], Iterable[Named]] = lambda needle: ()
    """The same of the taggers' tags."""
    values: Mapping[str, Sequence[Named]] = field(default_factory=dict)
    """What it has by the word before the colon: folder, format, bucket, issue, verdict."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the cursor is: in a word that ends with it, behind others."""

    text: str
    word: Word
    """Without what stands behind the cursor."""
    before: tuple[Token, ...]
    start: int
    """Where the word begins in the text, from 0, its quote included."""
    end: int
    """Where it ends."""

    @property
    def previous(self) -> Kind:
        """What stands before it."""
        return self.before[-1].kind if self.before else "open"


def complete(text: str, cursor: int, known: Known) -> list[Completion]:
    """What may stand where the cursor is, the likeliest first."""
    place = _place(text, cursor)
    if place is None or _wants_number(place):
        return []
    head = HEAD.match(place.word.bare)
    if head is None:
        found = _beginnings(place, known)
    elif head[2] == ":" and head[1].casefold() in VALUES:
        found = _values(place, head[1].casefold(), head.end(), known)
    else:
        found = iter(())
    once: dict[str, Completion] = {}
    for one in found:
        # what stands there already is no proposal
        if one.applied(text) != text:
            once.setdefault(one.applied(text), one)
    return list(once.values())[:MOST]


def _place(text: str, cursor: int) -> _Place | None:
    """Where the cursor is; None where no word can be."""
    found = _read(text[:cursor])
    if found is None:
        return None
    *before, last, _end = found
    if last.kind != "word" or last.word.columns[-1:] != (cursor + 1,):
        return None
    word = last.word.part(0, len(last.word.text) - 1)
    column = last.word.column
    return _Place(text, word, tuple(before), column - 1, _end_of(text, column, cursor))


def _read(text: str) -> list[Token] | None:
    """The words of a text that may end within quotes or parentheses."""
    for quote in ("", '"', "'"):
        for depth in range(text.count("(") + 1):
            try:
                found = tokens(text + CURSOR + quote + ")" * depth)
            except FilterError:
                continue
            while found[-2].kind == "close" and found[-2].column > len(text) + 1:
                del found[-2]
            return _cut(found, len(text) + 1)
    return None


def _cut(found: list[Token], column: int) -> list[Token]:
    """Without what was put behind the cursor to close what was open."""
    last = found[-2]
    if column not in last.word.columns:
        return found
    stop = last.word.columns.index(column) + 1
    word = replace(last.word.part(0, stop), column=last.word.column)
    return [*found[:-2], Token(last.kind, word), found[-1]]


def _end_of(text: str, column: int, cursor: int) -> int:
    """Where the word ends that begins at a column; the cursor where that cannot be said."""
    try:
        here = (one.word.end for one in tokens(text) if one.column == column and one.kind != "end")
        return max(cursor, next(here, cursor + 1) - 1)
    except FilterError:
        return cursor


def _wants_number(place: _Place) -> bool:
    """Whether a comparison is being typed, which may have blanks in it."""
    begun: Word | None = None
    for token in place.before:
        if token.kind != "word":
            begun = None
        elif begun is not None and is_open(begun):
            begun = begun.joined(token.word)
        else:
            begun = token.word
    word = place.word
    if begun is not None and is_open(begun):
        return TEST.search(begun.bare) is not None or word.bare[:1] in tuple("<>=!")
    return TEST.search(word.bare) is not None and HEAD.match(word.bare) is not None


def _beginnings(place: _Place, known: Known) -> Iterator[Completion]:
    """A word that has only begun: a tag, a word of the language, or one that joins."""
    word = place.word
    is_quoted = bool(word.bare) and place.text[place.start] in "\"'"
    needle = word.text.casefold()
    long = list(_long_tags(place, known)) if needle and not is_quoted else []
    yield from long
    offered = {one.shown for one in long}
    if not is_quoted:
        joins = place.previous in ("word", "close")
        if joins:
            yield from _joiners(place, needle, "AND OR NOT")
        yield from _language(place, needle)
        if not joins:
            yield from _joiners(place, needle, "NOT")
    for tag, note in known.tags(word.text):
        if tag not in offered:
            spelled = bare(tag, underscores="_" in word.text, quotes=is_quoted)
            yield Completion(spelled, place.start, place.end, tag, note)


def _long_tags(place: _Place, known: Known) -> Iterator[Completion]:
    """Tags of several words that were typed without quotes."""
    plain: list[Word] = []
    for token in reversed(place.before[-LONGEST + 1 :]):
        word = token.word
        if token.kind != "word" or HEAD.match(word.bare) or word.bare != word.text:
            break
        plain.insert(0, word)
    for first in range(len(plain)):
        start = plain[first].column - 1
        needle = tag_key(" ".join([*(word.text for word in plain[first:]), place.word.text]))
        for tag, note in known.tags(needle):
            if tag_key(tag).startswith(needle):
                yield Completion(bare(tag), start, place.end, tag, note)


def _joiners(place: _Place, needle: str, words: str) -> Iterator[Completion]:
    for name in words.split():
        if name.casefold().startswith(needle):
            yield Completion(name, place.start, place.end, name, JOINERS[name])


def _language(place: _Place, needle: str) -> Iterator[Completion]:
    """Words of the language that begin so."""

    def one(text: str, note: str, goes_on: bool = False) -> Completion:
        return Completion(text, place.start, place.end, text, note, goes_on)

    for name, meaning in MEANINGS.items():
        if name.startswith(needle):
            yield one(f"{name}:", meaning, True)
    for name, meaning in FLAGS.items():
        if name.startswith(needle):
            yield one(name, meaning)
    for name, meaning in NUMBERS.items():
        if name.startswith(needle):
            signs = "<>=" if name == needle else ">" if name in MORE else "<"
            yield from (one(name + sign, meaning) for sign in signs)


def _values(place: _Place, name: str, behind: int, known: Known) -> Iterator[Completion]:
    """What may stand behind a colon."""
    word = place.word
    rest = word.since(behind)
    start = word.columns[behind - 1]
    needle = rest.text
    if name in ("tag", "score"):
        source = known.tags if name == "tag" else known.scored
        sign = "" if name == "tag" else ">"
        for tag, note in source(needle):
            spelled = behind_colon(tag, underscores="_" in needle)
            yield Completion(spelled + sign, start, place.end, tag, note)
        return
    values = known.values.get(name) or [(value, "") for value in FIXED.get(name, ())]
    folded = needle.casefold()
    ranked = sorted(values, key=lambda one: not one[0].casefold().startswith(folded))
    for value, note in ranked:
        if folded in value.casefold():
            yield Completion(_whole(value), start, place.end, value, note)


FIXED: Mapping[str, Sequence[str]] = {
    "verdict": VERDICTS,
    "category": CATEGORIES,
    "format": tuple(sorted({"png", "webp", *FORMATS.values()})),
}
"""Values that hold for every project."""


def bare(tag: str, *, underscores: bool = False, quotes: bool = False) -> str:
    """A tag as a filter that is nothing else: without quotes where they are not needed."""
    plain = _unwild(tag)
    wanted = [plain.replace(" ", "_"), plain] if underscores else [plain]
    for text in [] if quotes else wanted:
        if _means(text, tag):
            return text
    return quoted(plain)


def behind_colon(tag: str, *, underscores: bool = False) -> str:
    """The same behind ``tag:`` or ``score:``."""
    plain = _unwild(tag)
    wanted = [plain.replace(" ", "_"), plain] if underscores else [plain]
    fits = (text for text in wanted if ":" not in text and _means(f"tag:{text}", tag))
    return next((text for text in fits if not TEST.search(text)), quoted(plain))


def _means(text: str, tag: str) -> bool:
    """Whether a filter asks for just this tag."""
    try:
        node = parse(text).node
    except FilterError:
        return False
    if not isinstance(node, Tag) or node.what.regex:
        return False
    return tag_key(node.what.text) == tag_key(_unwild(tag))


def _unwild(tag: str) -> str:
    """A tag whose stars, question marks and doubled backslashes mean themselves."""
    if not is_wild(tag_key(tag)):
        return tag
    plain = {"*": r"\*", "?": r"\?", r"\\": r"\\\\"}
    return SPECIAL.sub(lambda found: plain.get(found[0], found[0]), tag)


def _whole(value: str) -> str:
    """A value that stands behind a colon as one word."""
    try:
        found = tokens(f"x:{value}")
    except FilterError:
        return quoted(value)
    alone = len(found) == 2 and found[0].word.text == f"x:{value}"
    return value if alone and value.casefold() not in OPERATORS else quoted(value)
