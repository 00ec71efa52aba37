"""The room in which … (its helper writes this)."""

from __future__ import annotations

from typing import ClassVar

from tui.rooms.room import Room


class PruneRoom(Room):
    """…"""

    VERB: ClassVar[str] = "prune"
