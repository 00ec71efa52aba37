"""Texts with ``*`` and ``?``, and regular expressions."""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import lru_cache

SPECIAL = re.compile(r"\\[*?\\]|[*?]")
"""Wildcards, and those that a backslash makes plain letters."""


def is_wild(text: str) -> bool:
    """Whether a text has wildcards, or a backslash before one."""
    return SPECIAL.search(text) is not None


@lru_cache(maxsize=4096)
def wild(text: str) -> re.Pattern[str]:
    """A text in which ``*`` stands for anything and ``?`` for one letter; for ``fullmatch``.

    A backslash takes their meaning away.
    """
    return re.compile(_translated(text), re.DOTALL)


@lru_cache(maxsize=4096)
def wild_name(text: str) -> re.Pattern[str]:
    """The same of a file's name, where a backslash is a letter like others."""
    return re.compile(_translated(text.replace("\\", "\\\\")), re.DOTALL)


@lru_cache(maxsize=1024)
def whole_words(text: str) -> re.Pattern[str]:
    """Looks for a text that stands by itself, in any case: ``hat`` is not in ``that``.

    In scripts that leave no blank between words, such as Chinese, it is found anywhere.
    """
    words = " ".join(text.split())
    before = r"(?<![^\W_])" if words and _ends_at_blanks(words[0]) else ""
    behind = r"(?![^\W_])" if words and _ends_at_blanks(words[-1]) else ""
    inner = _translated(words).replace(r"\ ", r"\s+")
    return re.compile(f"{before}{inner}{behind}", re.IGNORECASE | re.DOTALL)


@lru_cache(maxsize=1024)
def regex(text: str) -> re.Pattern[str]:
    """A regular expression in any case. Raises ``ValueError`` saying what is wrong, and where."""
    try:
        with warnings.catch_warnings():
            # what may mean something else one day means what it means today
            warnings.simplefilter("ignore")
            return re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise BadRegex(error.msg, error.pos or 0) from None
    except (OverflowError, RecursionError):
        raise BadRegex("it is too large", 0) from None


class BadRegex(ValueError):
    """What is wrong with a regular expression, and at which of its letters, from 0."""

    def __init__(self, what: str, place: int) -> None:
        super().__init__(what)
        self.what, self.place = what, place


def _translated(text: str) -> str:
    parts, last = [], 0
    for found in SPECIAL.finditer(text):
        parts.append(re.escape(text[last : found.start()]))
        parts.append({"*": ".*", "?": "."}.get(found[0]) or re.escape(found[0][1]))
        last = found.end()
    return "".join([*parts, re.escape(text[last:])])


def _ends_at_blanks(letter: str) -> bool:
    """Whether words with this letter are set apart: letters with cases, and digits."""
    return unicodedata.category(letter) in {"Lu", "Ll", "Lt", "Nd"}
