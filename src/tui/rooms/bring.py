"""The room in which … (its helper writes this)."""

from __future__ import annotations

from typing import ClassVar

from tui.rooms.room import Room


class ImportRoom(Room):
    """…"""

    VERB: ClassVar[str] = "import"
