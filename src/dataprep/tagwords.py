"""Tags that may be meant by what is typed so far, and where in a line of tags one types. Pure."""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dataprep.captions import KAOMOJI, entries, escaped, frequency, spaced, tag_key, without_braces
from dataprep.vocabulary import Entry

if TYPE_CHECKING:
    from dataprep.pruning.taglist import TagList

Source = Literal["project", "tagger", "list"]
MOST = 40
"""So many are offered."""
PLAIN = "general"
"""The category of most tags, which says nothing."""
PROSE = 6
"""From so many words between commas on it is prose."""
WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A tag that may be meant."""

    tag: str
    """As a caption is to spell it."""
    count: int = 0
    """Pictures of the project that carry it."""
    posts: int = 0
    """Pictures that carry it on the site of the tagger or list; 0: not known."""
    category: str = ""
    source: Source = "project"
    alias: str = ""
    """The other spelling that was typed; empty: the tag's own."""

    @property
    def typed(self) -> str:
        """What one types to find it, by ``captions.tag_key``."""
        return tag_key(self.alias or self.tag)

    @property
    def order(self) -> tuple[int, int, bool, str]:
        """The more common come first, here and then elsewhere."""
        return -self.count, -self.posts, bool(self.alias), self.tag


class Index:
    """Words by what they begin with, by what a part of them begins with, by what is in them.

    Building takes about a second for 200,000 words, looking up some milliseconds.
    """

    def __init__(self, words: Iterable[Word] = ()) -> None:
        self._words = sorted(words, key=lambda word: word.order)
        typed = [word.typed for word in self._words]
        self._by_key = {tag_key(word.tag): word for word in self._words if not word.alias}
        self._beginnings = _Sorted((key, rank) for rank, key in enumerate(typed))
        self._parts = _Sorted(
            (key[found.start() :], rank)
            for rank, key in enumerate(typed)
            for found in WORD.finditer(key)
            if found.start()
        )
        # one long text is searched in a fraction of the time that many short ones take
        self._text = "\n".join(["", *typed, ""])
        self._starts: list[int] = []
        place = 1
        for key in typed:
            self._starts.append(place)
            place += len(key) + 1

    def __len__(self) -> int:
        return len(self._by_key)

    def get(self, key: str) -> Word | None:
        """The word of a tag, by ``captions.tag_key``."""
        return self._by_key.get(key)

    def words(self) -> Iterator[Word]:
        """The most common, without other spellings."""
        return (word for word in self._words if not word.alias)

    def matches(self, key: str, most: int = MOST) -> list[tuple[int, Word]]:
        """The words that may be meant, with 0 where they begin so, 1 where a part of them does."""
        if not key:
            return []
        found: dict[int, int] = {}
        for tier, ranks in enumerate((self._beginnings.ranks(key), self._parts.ranks(key))):
            # a word may have the same beginning in several parts
            for rank in heapq.nsmallest(most * 2, ranks):
                found.setdefault(rank, tier)
        # one letter is inside of nearly everything; one of Chinese is a word
        if len(found) < most and (len(key) > 1 or not key.isascii()):
            for rank in self._inside(key, most * 4):
                found.setdefault(rank, 2)
        ordered = sorted(found.items(), key=lambda item: (item[1], item[0]))
        return [(tier, self._words[rank]) for rank, tier in ordered[:most]]

    def _inside(self, key: str, most: int) -> Iterator[int]:
        """The ranks of words that contain this, the most common first."""
        place = self._text.find(key)
        while place >= 0 and most:
            rank = bisect_left(self._starts, place + 1) - 1
            yield rank
            most -= 1
            # on to the next word
            place = self._text.find(key, self._text.find("\n", place))


class _Sorted:
    """Texts in their order, with the rank of the word each belongs to."""

    def __init__(self, rows: Iterable[tuple[str, int]]) -> None:
        ordered = sorted(rows)
        self._texts = [text for text, _rank in ordered]
        self._ranks = [rank for _text, rank in ordered]

    def ranks(self, beginning: str) -> Sequence[int]:
        """The ranks of those with this beginning."""
        first = bisect_left(self._texts, beginning)
        last = bisect_left(self._texts, beginning + "\U0010ffff", first)
        return self._ranks[first:last]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a project spells its tags."""

    underscores: bool = False
    escape: bool = False

    @classmethod
    def of(cls, tags: Iterable[str]) -> Manner:
        """The manner in which most of these are spelled."""
        blanks = lines = backslashes = brackets = 0
        for tag in tags:
            blanks += " " in tag
            lines += "_" in tag and tag not in KAOMOJI
            brackets += "(" in tag
            backslashes += "\\(" in tag
        return cls(lines > blanks, backslashes * 2 > brackets)

    def spelled(self, tag: str) -> str:
        """A tag of a tagger or list as this project spells it."""
        plain = spaced(tag)
        if self.underscores and plain not in KAOMOJI:
            plain = plain.replace(" ", "_")
        return escaped(plain) if self.escape else plain


def own(captions: Iterable[Sequence[str]]) -> Index:
    """The tags of captions."""
    return Index(Word(tag, count) for tag, count in frequency(captions))


def elsewhere(entries: Iterable[Entry], listed: TagList | None = None) -> Index:
    """What taggers can say, and what a list of tags has, with its other spellings."""
    words: dict[str, Word] = {}
    for entry in entries:
        key = tag_key(entry.tag)
        known = words.get(key)
        if known is None or known.posts < entry.pictures:
            words[key] = Word(entry.tag, 0, entry.pictures, entry.category, "tagger")
    aliases: list[Word] = []
    if listed is not None:
        for key, posts in listed.pictures.items():
            word = words.get(key) or Word(key, source="list")
            category = word.category or listed.categories.get(key, "")
            words[key] = replace(word, posts=posts or word.posts, category=category)
        aliases = [_alias(alias, words[tag_key(name)]) for alias, name in _spellings(listed, words)]
    return Index([*words.values(), *aliases])


def _spellings(listed: TagList, words: Mapping[str, Word]) -> Iterator[tuple[str, str]]:
    """Other spellings that are no words themselves."""
    return (
        (alias, name)
        for alias, name in listed.canonical.items()
        if alias not in words and tag_key(name) in words
    )


def _alias(alias: str, word: Word) -> Word:
    return replace(word, alias=alias)


@dataclass(frozen=True, slots=True)
class Tagwords:
    """The tags of a project, and those of the taggers and the list on this machine."""

    own: Index
    elsewhere: Index
    manner: Manner = Manner()

    def complete(self, typed: str, most: int = MOST) -> list[Word]:
        """The tags that may be meant by a beginning or a part: what begins so comes first."""
        key = tag_key(typed) if typed.strip() else ""
        found = [(tier, self._told(word)) for tier, word in self.own.matches(key, most)]
        found += [(tier, self._here(word)) for tier, word in self.elsewhere.matches(key, most)]
        found.sort(key=lambda one: (one[0], one[1].order))
        once: dict[str, Word] = {}
        for _tier, word in found:
            once.setdefault(tag_key(word.tag), word)
        return list(once.values())[:most]

    def in_captions(self, typed: str, most: int = MOST) -> list[Word]:
        """The same of the project's tags alone; without a text the most common."""
        if not typed.strip():
            return [word for word, _ in zip(self.own.words(), range(most), strict=False)]
        return [self._told(word) for _tier, word in self.own.matches(tag_key(typed), most)]

    def _told(self, word: Word) -> Word:
        """A tag of the project with what is known of it elsewhere."""
        known = self.elsewhere.get(tag_key(word.tag))
        return replace(word, posts=known.posts, category=known.category) if known else word

    def _here(self, word: Word) -> Word:
        """A tag from elsewhere as the project spells it, and how often it has it."""
        mine = self.own.get(tag_key(word.tag))
        if mine is not None:
            return replace(word, tag=mine.tag, count=mine.count)
        return replace(word, tag=self.manner.spelled(word.tag))


def tagwords(captions: Iterable[Sequence[str]], known: Index) -> Tagwords:
    """The tags of captions beside those of elsewhere."""
    index = own(captions)
    return Tagwords(index, known, Manner.of(word.tag for word in index.words()))


def segment(text: str, cursor: int) -> tuple[int, int]:
    """From where to where the tag at a cursor stands, without the blanks around it.

    A comma within braces separates nothing.
    """
    start, end = next(span for span in _spans(text) if cursor <= span[1])
    while start < min(end, cursor) and text[start].isspace():
        start += 1
    while end > max(start, cursor) and text[end - 1].isspace():
        end -= 1
    return start, end


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the parts between commas begin and end."""
    cuts = [found.start() for found in re.finditer("[,\n]", without_braces(text))]
    return list(zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(text)], strict=True))


def short(number: int) -> str:
    """A count in few letters: 1.2M, 34k, 560."""
    for size, letter in ((1_000_000, "M"), (1000, "k")):
        if number >= size * 0.9995:
            few = number < 9.95 * size
            return f"{number / size:.{int(few)}f}".removesuffix(".0") + letter
    return str(number)


def note(word: Word) -> str:
    """A tag's category, how common it is elsewhere, and how often it stands here."""
    here = f"×{word.count}" if word.count else ""
    posts = short(word.posts) if word.posts else ""
    category = "" if word.category == PLAIN else word.category
    return "  ".join(part for part in (category, posts, here) if part)


def is_prose(caption: str) -> bool:
    """Whether a caption reads like sentences more than like tags."""
    tags = entries(caption)
    words = [len(tag.split()) for tag in tags]
    ends = re.search(r"[^\W_][.!?。]\s*$|[^\W_][.!?]\s+[A-Z]|[。！？]", caption)
    return bool(tags) and (ends is not None or sum(words) / len(tags) >= PROSE)
