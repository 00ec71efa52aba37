"""What prune and suggest both ask: of what, by which tagger, with which list."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from dataprep.pruning.patterns import entries
from dataprep.pruning.presets import SHARE
from dataprep.settings import Names, Selected


def one_tag(value: str) -> str:
    """A single tag without outer blanks."""
    if "," in value or "\n" in value:
        raise ValueError("must be one word or phrase, without a comma")
    return " ".join(value.split())


def tags(values: tuple[str, ...]) -> tuple[str, ...]:
    """Entries of a list of tags; a wrong regular expression is said at once."""
    entries(values)
    return values


Tags = Annotated[Names, AfterValidator(tags)]
FREQUENCY = re.compile(r"(\d+(?:\.\d+)?)\s*(%?)")


def frequency(value: str) -> str:
    """A number of captions, or a share of them in percent; empty for neither."""
    if not value:
        return value
    found = FREQUENCY.fullmatch(value.strip())
    if found is None or (not found[2] and "." in found[1]):
        raise ValueError('must be a number of captions such as 20, or a share such as "80%"')
    if found[2] and float(found[1]) > 100:
        raise ValueError("must not be above 100%")
    return value.strip()


def captions_of(value: str, total: int) -> float:
    """How many captions a frequency means, of so many."""
    return float(value[:-1]) / 100 * total if value.endswith("%") else float(value)


Frequency = Annotated[str, AfterValidator(frequency)]


class Subject(Selected):
    """What the tags are judged by."""

    concept: Annotated[str, AfterValidator(one_tag)] = ""
    """With the preset concept: the name of what is trained, such as LoveEyes."""
    share: float = Field(default=SHARE, gt=0, le=1)
    """With the preset character: from this share of the captions on (0 to 1) clothing, and tags
    that no list of ours knows, are the character's."""
    keep: Tags = ()
    """Tags that never go; patterns as for remove."""
    tagger: str = ""
    """Whose remembered scores count: name of a tagger; the one that ran last if empty."""
    tag_list: Path | None = None
    """A list of Danbooru's tags (tagcomplete's danbooru.csv) for categories and other spellings;
    without it the danbooru.csv where models lie."""
