"""Lists of tags as a person names them, resolved to the tags that are there.

Always the whole tag is compared, never a part of it: ``bra`` does not mean ``bracelet``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from dataprep.edits.patterns import EXPRESSION, Pattern, pattern
from dataprep.errors import UsageError


def entry(text: str) -> Pattern:
    """One entry of a list. Raises ``UsageError`` for a regular expression that is none."""
    if text.startswith(EXPRESSION) and _open_brace(text):
        raise UsageError(
            f"'{text}': a brace is not closed",
            "a comma separates entries on the command line; with --file a line holds the whole",
        )
    return pattern(text)


def _open_brace(text: str) -> bool:
    plain = re.sub(r"\\.", "", text)
    return plain.count("{") != plain.count("}")


def entries(texts: Iterable[str]) -> list[Pattern]:
    """The entries of a list; empty ones fall out."""
    return [entry(text.strip()) for text in texts if text.strip()]


def meant(one: Pattern, keys: Collection[str]) -> list[str]:
    """Which of the tags an entry means. A tag that is called like the entry is all it means."""
    if one.key in keys:
        return [one.key]
    if one.regex is None:
        return []
    return [key for key in keys if one.matches(key)]


def all_meant(listed: Sequence[Pattern], keys: Collection[str]) -> dict[str, str]:
    """The tags that some entry means, each with the text of the first that does."""
    found: dict[str, str] = {}
    for one in listed:
        for key in meant(one, keys):
            found.setdefault(key, one.text)
    return found


def entries_of(text: str) -> list[str]:
    """The entries of a file of tags: one per line or separated by commas; ``#`` starts a comment.

    A ``#`` within a word is a letter of it. A line that begins with ``re:`` is one entry.
    """
    found: list[str] = []
    for line in text.removeprefix("\ufeff").splitlines():
        plain = re.sub(r"(^|\s)#.*", "", line).strip()
        parts = [plain] if plain.startswith(EXPRESSION) else plain.split(",")
        found += [part.strip() for part in parts if part.strip()]
    return found
