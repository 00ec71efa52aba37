"""The pictures whose captions a threshold would change, as a filter."""

from __future__ import annotations

from dataprep.tagquery.terms import quoted


def affected(tag: str, *, appears: bool, threshold: float | None, tagger: str = "") -> str:
    """A filter for the pictures that would get a tag, or lose it.

    ``threshold`` None: no single one says it, or the tagger does not know the tag. ``tagger``
    empty: the one that ran last.
    """
    named = f"tag:{quoted(tag)}"
    by = f"{quoted(tagger)}:" if tagger else ""
    said = f"score:{by}{quoted(tag)}>={threshold or 0:g}"
    if appears:
        return f"NOT {named}" if threshold is None else f"{said} NOT {named}"
    return named if threshold is None else f"{named} NOT {said}"
