"""How a stage that makes captions writes them: over, behind or before what is there, or not.

A caption by hand, or by another program, is not written over unless that is asked for. Once a
project has a trigger word it stays first, and tags that were pruned stay out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import model_validator

from dataprep import concept
from dataprep.captions import prune, split_tags, tag_key
from dataprep.concept import Concept
from dataprep.dataset import Dataset, is_by_hand, plain
from dataprep.images import BadImage
from dataprep.journal import Change, Origin
from dataprep.settings import Selected
from dataprep.store import Picture

NOTHING = Concept()
Mode = Literal["skip", "overwrite", "append", "prepend"]
Found = Sequence[str] | str
"""What was found out of a picture: tags, or a line of prose."""


class Rewriting(Selected):
    """What happens to captions that are there; without any of these they are replaced."""

    append: bool = False
    """Add behind the caption that is there; tags it has are not added again."""
    prepend: bool = False
    """Add before the caption that is there; tags it has are not added again."""
    touch_edited: bool = False
    """Replace also captions that were written by hand or by another program."""
    with_pruned: bool = False
    """Write also the tags that were pruned from this project."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.append and self.prepend:
            raise ValueError("append and prepend exclude each other")
        return self

    @property
    def mode(self) -> Mode:
        """What is to be done where a caption is."""
        return "append" if self.append else "prepend" if self.prepend else "overwrite"

    @property
    def origin(self) -> Origin:
        """Whose the caption is afterwards."""
        return "bulk" if self.append or self.prepend else "machine"


class Writing(Rewriting):
    """What happens to captions that are there; without any of these they stay."""

    overwrite: bool = False
    """Replace captions that are there; without it pictures with a caption keep theirs."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if self.overwrite and (self.append or self.prepend):
            raise ValueError("overwrite, append and prepend exclude each other")
        return self

    @property
    def mode(self) -> Mode:
        """What is to be done where a caption is."""
        added = self.append or self.prepend
        return super().mode if self.overwrite or added else "skip"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which pictures get a caption, and how many do not."""

    pictures: tuple[Picture, ...]
    kept: int
    """Captions that stay because they are there."""
    protected: int
    """Captions that stay because they are by hand."""


def plan(dataset: Dataset, pictures: Iterable[Picture], settings: Rewriting) -> Plan:
    """Which of the pictures are to be written. Ask again before writing: it may take an hour."""
    pictures = list(pictures)
    protects = settings.mode == "overwrite" and not settings.touch_edited
    made = dataset.store.made() if protects else set()
    chosen: list[Picture] = []
    kept = protected = 0
    taken: set[str] = set()
    for picture in pictures:
        file = dataset.caption_file(picture.name)
        if file in taken:
            continue  # a scan reports pictures that share a caption
        taken.add(file)
        try:
            text = dataset.caption_text(picture.name)
        except BadImage:
            continue  # and captions that cannot be read
        if text and settings.mode == "skip" and plain(text):
            kept += 1
        elif protects and is_by_hand(file, text, made):
            protected += 1
        else:
            chosen.append(picture)
    return Plan(tuple(chosen), kept, protected)


class Writer:
    """Makes the changes of one run; ``dataset.edit`` carries them out."""

    def __init__(self, dataset: Dataset, settings: Rewriting) -> None:
        self._concept = meant(dataset, settings)
        self._dataset, self._mode = dataset, settings.mode

    def change(self, name: str, found: Found) -> Change:
        """The change that brings ``found`` into a picture's caption."""
        if isinstance(found, str):
            return self._prose(name, found)
        before = self._dataset.tags(name) if self._mode in ("append", "prepend") else ()
        tags = written(found, before, self._mode, self._concept)
        return self._dataset.caption_change(name, tags)

    def _prose(self, name: str, text: str) -> Change:
        before, text = self._dataset.caption(name) or "", " ".join(text.split())
        if self._mode not in ("append", "prepend") or not before:
            parts = [text]
        elif text in before:
            parts = [before]
        else:
            parts = [before, text] if self._mode == "append" else [text, before]
        line, trigger = ", ".join(parts), self._concept.trigger
        # comma by comma only as far as the trigger goes: prose may say a thing twice
        if trigger and tag_key(line.partition(",")[0]) != tag_key(trigger):
            line = f"{trigger}, {line}"
        return self._dataset.text_change(name, line)


def meant(dataset: Dataset, settings: Rewriting) -> Concept:
    """The trigger word that captions get, and the tags that stay out of them."""
    known = concept.read(dataset.store)
    return Concept(known.trigger) if settings.with_pruned else known


def written(found: Sequence[str], before: Sequence[str], mode: Mode, known: Concept) -> list[str]:
    """The tags that a caption gets, of those found out and, where they stay, those it has."""
    if mode not in ("append", "prepend"):
        return _pruned(found, (), known)
    have = {tag_key(tag) for tag in before}
    new = [tag for tag in found if tag_key(tag) not in have]
    return _pruned([*new, *before] if mode == "prepend" else [*before, *new], before, known)


def _pruned(tags: Sequence[str], before: Sequence[str], known: Concept) -> list[str]:
    """What the caption had may stay: a person may have put it back."""
    if known == NOTHING:
        return list(tags)
    have = {tag_key(tag) for tag in before}
    gone = [tag for tag in known.pruned if tag_key(tag) not in have]
    return prune(tags, gone, known.trigger)


def remarks(plan: Plan) -> list[str]:
    """What to say of the captions that stay."""
    parts = []
    if plan.kept:
        parts.append(f"{plan.kept} keep the caption they have")
    if plan.protected:
        parts.append(f"{plan.protected} were written by hand and stay (--touch-edited)")
    return parts


def tags_of(change: Change) -> list[str]:
    """The tags that a change leaves."""
    return split_tags(change.after or "")
