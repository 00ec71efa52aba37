"""Which pictures a stage is about: names, patterns and filters that a person gives."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from dataprep.dataset import Dataset
from dataprep.errors import UsageError
from dataprep.store import Picture


def select(pictures: Sequence[Picture], patterns: Sequence[str]) -> list[Picture]:
    """The pictures whose name is among ``patterns`` or matches one; all of them without any.

    A pattern with a slash is compared with the whole name, one without also with the file's own.
    Raises ``UsageError`` for a pattern that nothing matches.
    """
    if not patterns:
        return list(pictures)
    found: dict[str, Picture] = {}
    for pattern in patterns:
        hits = {p.name: p for p in pictures if matches(p.name, pattern)}
        if not hits:
            raise UsageError(f"no picture is called '{pattern}'", "see `dataprep scan`")
        found |= hits
    return [picture for picture in pictures if picture.name in found]


def matches(name: str, pattern: str) -> bool:
    """Whether a picture's name is this one, or matches it with ``*`` and ``?``, in any case."""
    # a name with brackets in it is first of all a name
    if name == pattern:
        return True
    folded, wanted = name.casefold(), pattern.replace("\\", "/").casefold().replace("[", "[[]")
    return fnmatchcase(folded, wanted) or fnmatchcase(PurePosixPath(folded).name, wanted)


def where(dataset: Dataset, text: str) -> frozenset[str]:
    """Names of the pictures that a filter holds for, rejected and unreadable ones included.

    Raises ``UsageError`` that points at the column. See ``dataprep.tagquery`` for the language.
    """
    from dataprep import tagquery

    query = tagquery.parse(text)
    return frozenset(p.name for p in dataset.pictures() if query.matches(p))
