"""What ``dataprep check`` can be told."""

from __future__ import annotations

import difflib
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from dataprep.check.kinds import KINDS
from dataprep.settings import Selected as Base


def known_kind(name: str) -> str:
    """The name of a finding. Raises ``ValueError`` with the nearest one for any other."""
    if name and name not in KINDS:
        close = difflib.get_close_matches(name, KINDS, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"known: {', '.join(KINDS)}"
        raise ValueError(f"there is no such finding; {hint}")
    return name


class Settings(Base):
    """What the folder is, what it is judged for, and where the limits lie."""

    only: Annotated[str, AfterValidator(known_kind)] = ""
    """List the files of one kind of finding, by its name, such as blurred."""
    treat_as: Literal["auto", "project", "training"] = "auto"
    """Whether the folder holds pictures to prepare, or is one that a trainer reads."""
    size: int = Field(default=0, ge=0, le=8192)
    """Resolution of the training (pixels); 0: the one that crop or train.toml says, else 512."""
    max_token_length: Literal["auto", "75", "150", "225"] = "auto"
    """Tokens of a caption that the trainer reads; "auto": what train.toml says, else 75."""
    trigger: str = ""
    """The trigger word; empty: the one that prune set or train.toml says."""
    blur: float = Field(default=4.0, ge=1, le=16)
    """Edges wider than this are blurred (pixels, of a picture 512 px long)."""
    dark: float = Field(default=64, ge=0, le=255)
    """A picture is dark when 95 % of it is darker than this (0 to 255)."""
    flat: float = Field(default=12, ge=0, le=127)
    """A picture is flat when its contrast, the deviation of its light, is below this (0 to 127)."""
    aspect: float = Field(default=3.0, ge=1)
    """Longer side to shorter side, from which on an aspect ratio is extreme."""

    @property
    def budget(self) -> int:
        """``max_token_length`` as a number; 0 for "auto"."""
        return 0 if self.max_token_length == "auto" else int(self.max_token_length)
