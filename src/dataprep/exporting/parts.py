"""Which picture goes into which ``N_concept`` folder.

A part is written ``10_city=city/*`` (pictures by name) or ``5_night=tag:night`` (by a tag of their
caption). The first part that fits takes a picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dataprep.captions import tag_key
from dataprep.selection import matches

FORBIDDEN = '/\\:*?"<>|'
FOLDER = re.compile(r"(\d+)_(.*)")
TAG = "tag:"


@dataclass(frozen=True, slots=True)
class Part:
    """One ``N_concept`` folder."""

    repeats: int
    concept: str
    selector: str = ""
    """A pattern of names, or "tag:" and a tag; empty: whatever no other part takes."""
    regular: bool = False
    """Of regularisation pictures: it lies in ``reg/``."""

    @property
    def folder(self) -> str:
        """Its place in the training folder, with forward slashes."""
        return f"{'reg' if self.regular else 'img'}/{self.repeats}_{self.concept}"

    def takes(self, name: str, tags: Iterable[str]) -> bool:
        """Whether a picture of this name and caption belongs to it."""
        if self.selector.startswith(TAG):
            wanted = tag_key(self.selector.removeprefix(TAG))
            return any(tag_key(tag) == wanted for tag in tags)
        return not self.selector or matches(name, self.selector)


def concept_name(value: str) -> str:
    """A concept's name. Raises ``ValueError`` saying what is wrong with it."""
    name = value.strip()
    if not name or set(name) & set(FORBIDDEN) or name != name.rstrip("."):
        raise ValueError('must be a folder name: not empty, none of / \\ : * ? " < > |')
    if FOLDER.fullmatch(name):
        number, rest = name.split("_", 1)
        raise ValueError(f"is without the repeats: give {rest} and, as the repeats, {number}")
    return name


def parse(text: str, *, regular: bool = False) -> Part:
    """A part out of ``N_concept=selector``. Raises ``ValueError`` saying what is wrong with it."""
    folder, equals, selector = text.partition("=")
    found = FOLDER.fullmatch(folder.strip())
    if not equals or not selector.strip() or found is None:
        raise ValueError(f"must be N_concept=selector, such as 10_city=city/* (got {text!r})")
    if int(found[1]) < 1:
        raise ValueError(f"the number of repeats must be 1 or more (got {text!r})")
    return Part(int(found[1]), concept_name(found[2]), selector.strip(), regular)


def by_folder(names: Iterable[str], repeats: int) -> list[Part]:
    """A part for each folder at the top of the project; ``10_city`` brings its own repeats."""
    folders = sorted({name.split("/")[0] for name in names if "/" in name})
    parts = []
    for folder in folders:
        found = FOLDER.fullmatch(folder)
        number = int(found[1]) if found and int(found[1]) else repeats
        name = found[2] if found and found[2] else folder
        parts.append(Part(number, name.strip(" ."), f"{folder}/*"))
    return parts


def assign(tags: Mapping[str, Sequence[str]], parts: Sequence[Part]) -> dict[str, Part]:
    """The part of each picture; ``tags`` are captions by picture. One that fits none is missing."""
    found = {}
    for name, caption in tags.items():
        part = next((part for part in parts if part.takes(name, caption)), None)
        if part is not None:
            found[name] = part
    return found
