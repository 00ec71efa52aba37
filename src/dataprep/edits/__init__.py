"""Edits of one caption: functions from tags to tags. Pure text.

Each is made once for a run and then called with caption after caption. What stays where it is:
the trigger word, the first ``keep`` tags, or in a caption with ``|||`` all that stands before
it, and all that stands behind a second one. An edit that finds nothing to do gives back the very
tags.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataprep.captions import SEPARATOR, prune, tag_key

Edit = Callable[[Sequence[str]], list[str]]


class Parts(NamedTuple):
    """A caption's tags as the trainer shuffles them: only the body moves."""

    head: list[str]
    """With the first ``|||``."""
    body: list[str]
    tail: list[str]
    """From the second ``|||`` on."""


class Fixed(NamedTuple):
    """What stands at the beginning of every caption."""

    trigger: str = ""
    keep: int = 0
    """So many tags stay where they are; in captions with ``|||`` that counts instead."""

    def parts(self, tags: Sequence[str]) -> Parts:
        """The tags that stay at the front, those that may move, and those that stay at the end."""
        if SEPARATOR in tags:
            head = tags.index(SEPARATOR) + 1
            rest = list(tags[head:])
            end = rest.index(SEPARATOR) if SEPARATOR in rest else len(rest)
            return Parts(list(tags[:head]), rest[:end], rest[end:])
        head = max(self.keep, int(bool(tags) and self.is_trigger(tags[0])))
        return Parts(list(tags[:head]), list(tags[head:]), [])

    def is_trigger(self, tag: str) -> bool:
        """Whether a tag is the trigger word, in any spelling."""
        return bool(self.trigger) and tag_key(tag) == tag_key(self.trigger)

    def lead(self, tags: Sequence[str]) -> list[str]:
        """The tags with the trigger word, if it is among them, first and once."""
        there = any(map(self.is_trigger, tags))
        return prune(tags, (), self.trigger) if there else list(tags)


FREE = Fixed()
"""Of a caption in which everything may move."""
