"""Captions as lists of tags: reading, writing, pruning, counting. Pure text.

A caption is one line of comma-separated tags. Two tags are the same when they differ only in
case, in underscore against space, or in a backslash before a parenthesis; the spelling in the
file is kept. An end of line separates like a comma, but for one behind a sentence. ``|||``
(kohya's keep_tokens_separator) is an entry of its own among the tags, and within braces (a
wildcard such as ``{red, blue|green}``) nothing is separated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, pairwise

KAOMOJI = frozenset(
    {"0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3"}
    | {"6_9", ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||"}
)
"""Tags whose underscore is part of the face (SmilingWolf's list of the WD taggers)."""
SEPARATOR = "|||"
"""What stands before it stays in place when the trainer shuffles, and what stands behind a second
one stays at the end."""
KNOWN_PARTS = 1 << 16
"""So many spellings are remembered: a dataset says the same tags over and over."""
CUT = re.compile(f",|{re.escape(SEPARATOR)}")
PARAGRAPH = re.compile(r"(?<=[^\W_][.。])[ \t]*[\r\n]+")
"""An end of line behind a sentence: prose goes on there, and no tag begins."""
BACKSLASHES = re.compile(r"\\+(?=[()])")


def split_tags(caption: str) -> list[str]:
    """The tags of a caption, in order, without blanks and repeats; ``|||`` each time it stands."""
    tags: list[str] = []
    seen = {""}
    for tag, key in map(_read, _parts(caption)):
        if key not in seen or tag == SEPARATOR:
            seen.add(key)
            tags.append(tag)
    return tags


def entries(caption: str) -> list[str]:
    """What stands between the commas, in order, repeats and all, without blanks."""
    return [tag for tag, key in map(_read, _parts(caption)) if key]


def _parts(caption: str) -> list[str]:
    """The text between the commas, ends of line and ``|||`` that stand in no braces."""
    text = caption
    if "\n" in text or "\r" in text:
        text = PARAGRAPH.sub(" ", text).replace("\r", "\n").replace("\n", ",")
    if "{" in text:
        return _outside_braces(text)
    if SEPARATOR in text:
        text = text.replace(SEPARATOR, f",{SEPARATOR},")
    return text.split(",")


def _outside_braces(text: str) -> list[str]:
    """The parts between what separates in no braces."""
    parts, start = [], 0
    for cut in CUT.finditer(without_braces(text)):
        parts.append(text[start : cut.start()])
        if cut[0] == SEPARATOR:
            parts.append(SEPARATOR)
        start = cut.end()
    return [*parts, text[start:]]


def without_braces(text: str) -> str:
    """A text of the same length with dots for braces and what they hold.

    A brace without its other half is a letter like others.
    """
    masked, opened = list(text), []
    for place, letter in enumerate(text):
        if letter == "{":
            opened.append(place)
        elif letter == "}" and opened:
            start = opened.pop()
            masked[start : place + 1] = "." * (place + 1 - start)
    return "".join(masked)


def join_tags(tags: Iterable[str]) -> str:
    """One caption line out of tags."""
    row = list(tags)
    if SEPARATOR not in row:
        return ", ".join(row)
    gaps = (" " if SEPARATOR in pair else ", " for pair in pairwise(row))
    return "".join(chain([row[0]], *zip(gaps, row[1:], strict=True)))


@lru_cache(maxsize=KNOWN_PARTS)
def _read(part: str) -> tuple[str, str]:
    """A tag as it is kept, and its key; both empty for a blank."""
    tag = " ".join(part.split())
    return tag, tag_key(tag)


@lru_cache(maxsize=KNOWN_PARTS)
def tag_key(tag: str) -> str:
    """What two spellings of one tag have in common."""
    folded = " ".join(tag.split()).casefold()
    if folded in KAOMOJI:
        return folded
    folded = unescaped(folded)
    # a tag of nothing but underscores is a tag too
    return " ".join(folded.replace("_", " ").split()) or folded


def spaced(booru_tag: str) -> str:
    """A booru tag as captions spell it: underscores to spaces, kaomoji kept."""
    return booru_tag if booru_tag in KAOMOJI else booru_tag.replace("_", " ")


def escaped(tag: str) -> str:
    """A tag with a backslash before each parenthesis, for tools that read weights there."""
    return unescaped(tag).replace("(", "\\(").replace(")", "\\)")


def unescaped(tag: str) -> str:
    """A tag without backslashes before its parentheses."""
    return BACKSLASHES.sub("", tag) if "\\" in tag else tag


def unique(tags: Iterable[str]) -> list[str]:
    """The tags without blanks and repeats, the first spelling of each; every ``|||`` stays."""
    kept: list[str] = []
    seen = {""}
    for tag in tags:
        key = tag_key(tag)
        if key not in seen or tag == SEPARATOR:
            seen.add(key)
            kept.append(tag)
    return kept


def prune(tags: Sequence[str], remove: Iterable[str], trigger: str = "") -> list[str]:
    """Take the tags of ``remove`` out and put ``trigger`` first.

    Tags are compared whole, never by substring: removing ``bra`` keeps ``bracelet``. Running it
    again changes nothing.
    """
    gone = {tag_key(tag) for tag in remove}
    if trigger:
        gone.add(tag_key(trigger))
    kept = [tag for tag in tags if tag_key(tag) not in gone]
    return [trigger, *kept] if trigger else kept


def frequency(captions: Iterable[Sequence[str]]) -> list[tuple[str, int]]:
    """How many captions carry each tag: most frequent first, then by name."""
    counts: Counter[str] = Counter()
    spelling: dict[str, str] = {}
    for tags in captions:
        for tag in tags:
            if tag != SEPARATOR:
                key = tag_key(tag)
                counts[key] += 1
                spelling.setdefault(key, tag)
    return sorted(
        ((spelling[key], count) for key, count in counts.items()),
        key=lambda row: (-row[1], row[0]),
    )
