"""Captions as lists of tags: reading, writing, pruning, counting. Pure text.

A caption is one line of comma-separated tags. Two tags are the same when they differ only in
case, in underscore against space, or in a backslash before a parenthesis; the spelling in the
file is kept. ``|||`` (kohya's keep_tokens_separator) is an entry of its own among the tags, and a
comma within braces (a wildcard such as ``{red, blue|green}``) separates nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

KAOMOJI = frozenset(
    {"0_0", "(o)_(o)", "+_+", "+_-", "._.", "<o>_<o>", "<|>_<|>", "=_=", ">_<", "3_3"}
    | {"6_9", ">_o", "@_@", "^_^", "o_o", "u_u", "x_x", "|_|", "||_||"}
)
"""Tags whose underscore is part of the face (SmilingWolf's list of the WD taggers)."""
SEPARATOR = "|||"
"""What stands before it stays in place when the trainer shuffles."""


def split_tags(caption: str) -> list[str]:
    """The tags of a caption, in order, without blanks and repeats; ``|||`` each time it stands."""
    text = caption.replace("\r", "\n").replace("\n", ",")
    if SEPARATOR in text:
        text = text.replace(SEPARATOR, f",{SEPARATOR},")
    tags: list[str] = []
    seen: set[str] = set()
    for part in _outside_braces(text) if "{" in text else text.split(","):
        tag = " ".join(part.split())
        key = tag_key(tag)
        if tag and (key not in seen or tag == SEPARATOR):
            seen.add(key)
            tags.append(tag)
    return tags


def _outside_braces(text: str) -> list[str]:
    """The text split at the commas that stand in no braces."""
    parts, start, depth = [], 0, 0
    for place, letter in enumerate(text):
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth = max(0, depth - 1)
        elif letter == "," and not depth:
            parts.append(text[start:place])
            start = place + 1
    if depth:
        # a brace that nobody closed is a letter like others
        return text.split(",")
    return [*parts, text[start:]]


def join_tags(tags: Iterable[str]) -> str:
    """One caption line out of tags."""
    line = ", ".join(tags)
    if SEPARATOR in line:
        line = line.replace(f", {SEPARATOR}, ", f" {SEPARATOR} ")
    return line


@lru_cache(maxsize=1 << 16)
def tag_key(tag: str) -> str:
    """What two spellings of one tag have in common."""
    folded = " ".join(tag.split()).casefold()
    if folded in KAOMOJI:
        return folded
    return folded.replace("_", " ").replace("\\(", "(").replace("\\)", ")")


def spaced(booru_tag: str) -> str:
    """A booru tag as captions spell it: underscores to spaces, kaomoji kept."""
    return booru_tag if booru_tag in KAOMOJI else booru_tag.replace("_", " ")


def escaped(tag: str) -> str:
    """A tag with a backslash before each parenthesis, for tools that read weights there."""
    plain = tag.replace("\\(", "(").replace("\\)", ")")
    return plain.replace("(", "\\(").replace(")", "\\)")


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
