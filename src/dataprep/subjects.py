"""The pictures of a project as filters see them: each fact found out once, when it is asked for."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from dataprep import remembered
from dataprep.captions import SEPARATOR, split_tags, tag_key
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Decisions
from dataprep.images import BadImage
from dataprep.remembered import Remembered
from dataprep.store import Picture
from dataprep.tagquery.nodes import Between

if TYPE_CHECKING:
    from dataprep.tokens import Counter


class Facts:
    """What is known of the pictures of a project that was refreshed.

    ``found``: names of the pictures by the finding of ``dataprep check`` they have.
    """

    def __init__(
        self,
        dataset: Dataset,
        found: Mapping[str, Collection[str]] | None = None,
        pictures: Sequence[Picture] | None = None,
    ) -> None:
        self.pictures = dataset.pictures() if pictures is None else pictures
        self.found = found or {}
        self._dataset = dataset
        self._taggers: dict[str, Remembered] = {}

    def subjects(self) -> list[Seen]:
        """Every picture, rejected and unreadable ones included."""
        return [Seen(self, picture) for picture in self.pictures]

    def tagger(self, name: str) -> Remembered:
        """The scores of a tagger; see ``remembered.find``, which may raise."""
        if name not in self._taggers:
            row = remembered.find(self._dataset.store.taggers(), name)
            self._taggers[name] = Remembered(self._dataset, row)
        return self._taggers[name]

    def keep_taggers(self, other: Facts) -> None:
        """Take over the scores that another has read, of pictures rendered as they are now."""
        self._taggers = other._taggers

    def caption(self, name: str) -> str | None:
        """A picture's caption; empty without one, None when it cannot be read."""
        try:
            return self._dataset.caption(name) or ""
        except BadImage:
            return None

    @cached_property
    def decisions(self) -> dict[str, Decisions]:
        """What was decided, by picture."""
        return self._dataset.decisions()

    @cached_property
    def edited(self) -> set[str]:
        """Pictures whose caption is by hand."""
        return self._dataset.edited(self.pictures)

    @cached_property
    def categories(self) -> Mapping[str, str]:
        """The category of every tag that a tagger knows; empty when none has run."""
        return remembered.categories(self._dataset)

    @cached_property
    def count(self) -> Counts:
        """Counts the CLIP tokens of a caption."""
        from dataprep.check.project import bases
        from dataprep.tokens import counter

        return Counts(counter(bases(self._dataset)))


class Counts:
    """Token counts, remembered by caption."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._known: dict[str, int] = {"": 0}

    def __call__(self, text: str) -> Between:
        """How many at least, and how many at most."""
        if text not in self._known:
            self._known[text] = self._counter.count(text)
        least = self._known[text]
        return least, least if self._counter.source else max(least, _most_tokens(text))


class Seen:
    """One picture; a ``tagquery.Subject``."""

    def __init__(self, facts: Facts, picture: Picture) -> None:
        self.picture = picture
        self.name = picture.name
        self._facts = facts

    def among(self, facts: Facts) -> Seen:
        """The same picture, unchanged, among others that were read anew."""
        self._facts = facts
        return self

    @property
    def format(self) -> str:
        """As Pillow calls it."""
        return self.picture.format

    @cached_property
    def text(self) -> str:
        """Its caption; empty without one, or when it cannot be read."""
        return self._caption or ""

    @cached_property
    def tags(self) -> Sequence[str]:
        """The caption's tags as they are spelled."""
        return [tag for tag in split_tags(self.text) if tag != SEPARATOR]

    @cached_property
    def keys(self) -> frozenset[str]:
        """The same by ``captions.tag_key``."""
        return frozenset(map(tag_key, self.tags))

    @property
    def verdict(self) -> str:
        """Keep, reject or undecided."""
        return self._decided.verdict

    @property
    def bucket(self) -> tuple[int, int] | None:
        """Width and height it was cropped to (pixels)."""
        crop = self._decided.crop
        return (crop.width, crop.height) if crop else None

    @property
    def categories(self) -> Collection[str]:
        """The categories of its caption's tags."""
        known = self._facts.categories
        return {known[key] for key in self.keys if key in known}

    def number(self, name: str) -> Between | None:
        """What one of ``tagquery.terms.NUMBERS`` is; sizes of a file that has none: not known."""
        if name == "tokens":
            return self._facts.count(self.text)
        value = len(self.tags) if name == "tags" else self._extent(name)
        return None if value is None else (value, value)

    def _extent(self, name: str) -> float | None:
        width, height = self.picture.width, self.picture.height
        if not width or not height:
            return None
        match name:
            case "width":
                return width
            case "height":
                return height
            case "size":
                return min(width, height)
            case "aspect":
                return width / height
        return width * height / (1e6 if name == "megapixels" else 1)

    def score(self, tagger: str, key: str) -> float | None:
        """A tag's score by a tagger; None: not scored as it is rendered now."""
        return self._facts.tagger(tagger).score(self.picture, key)

    def has(self, flag: str) -> bool:
        """Whether one of ``tagquery.terms.FLAGS`` holds."""
        match flag:
            case "edited":
                return self.name in self._facts.edited
            case "untagged":
                return self._caption == ""
            case "cropped":
                return self._decided.crop is not None
            case "masked":
                return self._decided.background is not None
            case "view":
                return bool(self.picture.file)
            case "unreadable":
                return bool(self.picture.reason)
        # one that cannot be read is there
        return self._caption != ""

    def found(self, kind: str) -> bool:
        """Whether ``dataprep check`` found this of it."""
        return self.name in self._facts.found[kind]

    @cached_property
    def _caption(self) -> str | None:
        return self._facts.caption(self.name)

    @property
    def _decided(self) -> Decisions:
        return self._facts.decisions.get(self.name, NOTHING)


def _most_tokens(text: str) -> int:
    """More tokens than letters' bytes CLIP cannot make of a text."""
    plain = "".join(unicodedata.normalize("NFC", text).split())
    return max(len(plain.encode()), len(plain.lower().encode()))
