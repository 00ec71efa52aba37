"""Settings of the project that hold for every stage: the table [scan] of the recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dataprep.errors import UsageError
from dataprep.images import MAX_MEGAPIXELS
from dataprep.settings import RECIPE, Settings, build, read_recipe

MOST_MEGAPIXELS = 4000


class Limits(Settings):
    """The table [scan] of the recipe."""

    max_megapixels: int = Field(default=MAX_MEGAPIXELS, ge=1, le=MOST_MEGAPIXELS)
    """Larger pictures are refused as decompression bombs (megapixels). In the recipe's table [scan]
    it holds for every stage."""

    caption_extension: Literal[".txt", ".caption"] = ".txt"
    """How caption files end. In the recipe's table [scan] it holds for every stage."""

    @property
    def max_pixels(self) -> int:
        """The same in pixels."""
        return self.max_megapixels * 1_000_000


def of_project(root: Path) -> Limits:
    """What the recipe in ``root`` says. Raises ``UsageError`` for a table [scan] that is wrong.

    A recipe that cannot be read at all says nothing here: the stages that need it tell, and a
    person must be able to open the folder all the same.
    """
    try:
        table = read_recipe(root).get("scan", {})
    except UsageError:
        return Limits()
    return build(Limits, table, f"{RECIPE} [scan]")
