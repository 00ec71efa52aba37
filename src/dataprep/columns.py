"""Text in the columns of a terminal. Pure."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """The same, with a question mark for every letter that a terminal cannot show as one."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def wide(text: str) -> int:
    """How many columns a line takes: East Asian letters two, combining accents none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def padded(text: str, columns: int, *, right: bool = False) -> str:
    """A text with blanks behind it, or before it, until it takes so many columns."""
    blanks = " " * (columns - wide(text))
    return blanks + text if right else text + blanks


def _cells(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
