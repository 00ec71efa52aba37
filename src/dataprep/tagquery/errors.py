"""What is wrong with a filter, and at which column."""

from __future__ import annotations

from dataprep.columns import printable, wide
from dataprep.errors import DataprepError, UsageError

SHOWN = 96
"""Of a longer filter only a part is shown (letters)."""


class FilterError(UsageError):
    """A filter that says nothing: its text with a caret below the column, counted from 1."""

    def __init__(self, text: str, column: int, what: str, hint: str = "") -> None:
        begin = max(0, min(column - 1 - SHOWN // 2, len(text) - SHOWN))
        part = text[begin : begin + SHOWN]
        caret = " " * wide(printable(part)[: column - 1 - begin]) + "^"
        shown = f"\n  {printable(part)}\n  {caret}" if text.strip() else ""
        super().__init__(f"filter, column {column}: {printable(what)}{shown}", printable(hint))
        self.column = column


class Unsure(DataprepError):
    """A number that is known only from one to another, and a filter to which that matters."""
