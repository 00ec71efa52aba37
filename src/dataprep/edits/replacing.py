"""Renaming, splitting and merging tags."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from dataprep.captions import SEPARATOR, split_tags, tag_key
from dataprep.edits import FREE, Edit, Fixed
from dataprep.edits.patterns import Pattern

Hit = tuple[int, tuple[str, ...]]
"""Which of the patterns a tag answers to, and the tags that take its place."""


def replacing(
    olds: Sequence[Pattern], new: str, *, every: bool = False, fixed: Fixed = FREE
) -> Edit:
    """The edit that puts ``new`` (several tags, with commas) where a tag of ``olds`` stands.

    ``every``: only in captions that have a tag for each of ``olds``. A tag of ``new`` that the
    caption has already is not written again. The trigger word is never replaced.
    """

    @cache
    def hit(tag: str) -> Hit | None:
        if tag == SEPARATOR or fixed.is_trigger(tag):
            return None
        for number, old in enumerate(olds):
            if old.matches(tag):
                return number, tuple(split_tags(old.expand(tag, new)))
        return None

    def edit(tags: Sequence[str]) -> list[str]:
        hits = [hit(tag) for tag in tags]
        found = {own[0] for own in hits if own}
        if not found or (every and len(found) < len(olds)):
            return list(tags)
        have = {tag_key(tag) for tag, own in zip(tags, hits, strict=True) if not own}
        result: list[str] = []
        for tag, own in zip(tags, hits, strict=True):
            fresh = [new for new in own[1] if tag_key(new) not in have] if own else [tag]
            have.update(map(tag_key, fresh))
            result += fresh
        return result

    return edit
