"""Adding tags at a place, sorting them, moving them to the front or the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Literal

from dataprep.captions import split_tags, tag_key
from dataprep.edits import FREE, Edit, Fixed
from dataprep.edits.patterns import Pattern, pattern

Place = Literal["front", "back", "after", "before"]
End = Literal["front", "end"]

MEANINGLESS = tuple(
    split_tags(
        "transparent background, simple background, white background, grey background, "
        "gray background, black background, highres, absurdres, incredibly absurdres, lowres, "
        "jpeg artifacts, scan, commentary, * commentary, commentary request, translated, "
        "translation request, partially translated, artist name, * username, signature, dated, "
        "watermark, * watermark, web address, logo"
    )
)
"""Tags that say nothing of what a picture shows, in the order in which they end a caption."""


def adding(
    new: Sequence[str],
    place: Place = "back",
    anchor: Pattern | None = None,
    fixed: Fixed = FREE,
) -> Edit:
    """The edit that adds tags, in their order; those that are there stay where they are.

    "front" is behind what stays at the front, "back" before what stays at the end. "after" and
    "before" are beside the first tag that ``anchor`` means; captions without one stay.
    """
    wanted = split_tags(", ".join(new))

    def edit(tags: Sequence[str]) -> list[str]:
        have = {tag_key(tag) for tag in tags}
        fresh = [tag for tag in wanted if tag_key(tag) not in have]
        at = _place(tags, place, anchor, fixed)
        if at is None:
            return list(tags)
        return [*tags[:at], *fresh, *tags[at:]]

    return edit


def _place(tags: Sequence[str], place: Place, anchor: Pattern | None, fixed: Fixed) -> int | None:
    if anchor is not None:
        at = next((n for n, tag in enumerate(tags) if anchor.matches(tag)), None)
        return None if at is None else at + (place == "after")
    parts = fixed.parts(tags)
    return len(parts.head) + (len(parts.body) if place == "back" else 0)


def sorting(key: Callable[[str], Any], fixed: Fixed = FREE) -> Edit:
    """The edit that sorts what may move; what ``key`` holds for equal keeps its order."""

    def edit(tags: Sequence[str]) -> list[str]:
        head, body, tail = fixed.parts(tags)
        return [*head, *sorted(body, key=key), *tail]

    return edit


def moving(wanted: Sequence[Pattern], to: End, fixed: Fixed = FREE) -> Edit:
    """The edit that moves tags to the front or the end of what may move, in the order given."""

    @cache
    def rank(tag: str) -> int | None:
        return next((n for n, own in enumerate(wanted) if own.matches(tag)), None)

    def edit(tags: Sequence[str]) -> list[str]:
        head, body, tail = fixed.parts(tags)
        ranks = sorted({number for tag in body if (number := rank(tag)) is not None})
        moved = [tag for number in ranks for tag in body if rank(tag) == number]
        rest = [tag for tag in body if rank(tag) is None]
        return [*head, *moved, *rest, *tail] if to == "front" else [*head, *rest, *moved, *tail]

    return edit


def meaningless() -> tuple[Pattern, ...]:
    """The patterns of ``MEANINGLESS``."""
    return tuple(map(pattern, MEANINGLESS))
