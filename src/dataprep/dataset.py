"""A folder opened as a project: its pictures, captions, decisions and journal."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Self

from dataprep import decisions as decided
from dataprep import images, sidecars
from dataprep.captions import join_tags, split_tags
from dataprep.decisions import Decisions
from dataprep.errors import DataprepError
from dataprep.journal import Change
from dataprep.journalled import Journalled
from dataprep.store import Picture, Store, open_store, text_digest

NOTHING = Decisions()
"""Of a picture that nothing was decided about."""


class _Caption:
    """A caption file as it was read."""

    __slots__ = ("_tags", "stamp", "text")

    def __init__(self, stamp: sidecars.Stamp, text: str) -> None:
        self.stamp, self.text = stamp, text
        self._tags: list[str] | None = None

    @property
    def tags(self) -> list[str]:
        """Its tags; not to be changed."""
        if self._tags is None:
            self._tags = split_tags(plain(self.text))
        return self._tags


class Dataset(Journalled):
    """The door to a project folder. Open one per thread; several may be open at once.

    ``dry_run``: edits are collected in ``proposed`` and nothing of the user's is written (what
    is only remembered, such as facts and scores, still is).
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        dry_run: bool,
        max_pixels: int = images.MAX_PIXELS,
        caption_extension: str = sidecars.EXTENSION,
    ) -> None:
        super().__init__(root, store, dry_run, max_pixels)
        self.caption_extension = self.own_extension = caption_extension
        """How the caption files end that are meant now, and that the project says."""
        self.only: Collection[str] | None = None
        """Names of the pictures that are meant; None means all of them."""
        self._captions: dict[str, _Caption] = {}

    @classmethod
    def open(cls, root: Path, *, dry_run: bool = False) -> Self:
        """Open a folder; what a killed run left half done in the journal is completed first."""
        # with it comes pydantic, for which a screen's first frame must not wait
        from dataprep import limits

        store = open_store(root)
        root = root.resolve()
        try:
            limit = limits.of_project(root)
        except DataprepError:
            store.close()
            raise
        dataset = cls(root, store, dry_run, limit.max_pixels, limit.caption_extension)
        dataset.recover()
        return dataset

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pictures(self) -> list[Picture]:
        """Every picture known since the last scan, by name; unreadable ones and views included.

        Where ``only`` says which are meant, those.
        """
        return self._pictures(self.decisions())

    def usable(self, decisions: Mapping[str, Decisions] | None = None) -> list[Picture]:
        """Those of them that can be read and are not rejected; ``decisions`` where known."""
        known = self.decisions() if decisions is None else decisions
        return [
            picture
            for picture in self._pictures(known)
            if not picture.reason and known.get(picture.name, NOTHING).verdict != "reject"
        ]

    def decisions(self) -> dict[str, Decisions]:
        """Every picture's decisions by name; a picture nothing was decided about is missing."""
        return {name: decided.decode(rows) for name, rows in self.store.decisions().items() if name}

    def _pictures(self, decisions: Mapping[str, Decisions]) -> list[Picture]:
        files = self.store.pictures()
        views = [
            picture.view(view)
            for picture in files.values()
            for view in decisions.get(picture.name, NOTHING).views
            if not picture.reason
        ]
        # a file that took a view's name is what the person means by it
        found = [*files.values(), *(view for view in views if view.name not in files)]
        if self.only is not None:
            found = [picture for picture in found if picture.name in self.only]
        return sorted(found, key=lambda picture: picture.name) if views else found

    def caption_file(self, name: str) -> str:
        """The sidecar of a picture, as a path inside the project."""
        return sidecars.stem(name) + self.caption_extension

    def caption_path(self, name: str) -> Path:
        """Where the sidecar of a picture lies."""
        return self.root / self.caption_file(name)

    def caption_text(self, name: str) -> str | None:
        """The sidecar's exact text, line ends and all; None when there is none.

        Raises ``BadImage`` when it is not UTF-8.
        """
        known = self._known_caption(self.caption_file(name))
        return None if known is None else known.text

    def _known_caption(self, file: str) -> _Caption | None:
        """A caption file as it is now; it is read and split again only when it has changed."""
        # strings and no Path: a bulk edit comes here some hundred thousand times
        path = f"{self.root}/{file}"
        known = self._captions.get(file)
        if known is not None and known.stamp == sidecars.stamp_of(path):
            return known
        data, stamp = sidecars.read(path)
        if data is None:
            return None
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise images.BadImage(f"its caption is not UTF-8 (byte {error.start})") from None
        self._captions[file] = _Caption(stamp, text)
        return self._captions[file]

    def caption(self, name: str) -> str | None:
        """The sidecar as people read it: without byte-order mark and outer blanks."""
        text = self.caption_text(name)
        return None if text is None else plain(text)

    def tags(self, name: str) -> list[str]:
        """The caption's tags; empty when there is none."""
        known = self._known_caption(self.caption_file(name))
        return list(known.tags) if known is not None else []

    def all_tags(self, pictures: Iterable[Picture] | None = None) -> dict[str, list[str]]:
        """The tags of every usable picture, or of these, whose caption can be read.

        A scan reports the rest.
        """
        tags = {}
        for picture in self.usable() if pictures is None else pictures:
            try:
                tags[picture.name] = self.tags(picture.name)
            except images.BadImage:
                continue
        return tags

    def caption_change(self, name: str, tags: Sequence[str]) -> Change:
        """The change that gives a picture these tags; compare ``is_noop``."""
        known, after = self._known_caption(self.caption_file(name)), join_tags(tags) + "\n"
        before = None if known is None else known.text
        # a caption that says the same keeps its spacing; most are to the letter what we would write
        same = before == after or (known is not None and known.tags == list(tags))
        return self._caption_change(name, before, before if same else after)

    def text_change(self, name: str, text: str) -> Change:
        """The change that gives a picture this caption, a line of prose; compare ``is_noop``."""
        before = self.caption_text(name)
        line = " ".join(text.split())
        if before is not None and plain(before) == line:
            return self._caption_change(name, before, before)
        return self._caption_change(name, before, line + "\n")

    def _caption_change(self, name: str, before: str | None, after: str | None) -> Change:
        key = "" if self.caption_extension == sidecars.EXTENSION else self.caption_extension
        return Change("caption", name, key, before, after)

    def edited(self, pictures: Iterable[Picture]) -> set[str]:
        """Names of the pictures whose caption is by hand, or by another program.

        That is each text which no stage of ours has written. Unreadable ones are left out.
        """
        made = self.store.made()
        names = set()
        for picture in pictures:
            try:
                text = self.caption_text(picture.name)
            except images.BadImage:
                continue
            if is_by_hand(self.caption_file(picture.name), text, made):
                names.add(picture.name)
        return names

    def decision_change(self, name: str, key: str, value: str | None) -> Change:
        """The change of one decision to a JSON text, or to None: not decided."""
        return Change("decision", name, key, self.store.decision(name, key), value)


def is_by_hand(file: str, text: str | None, made: Collection[tuple[str, bytes]]) -> bool:
    """Whether a caption is there that is none of the texts in ``store.made()``."""
    return bool(text and plain(text)) and (file, text_digest(text or "")) not in made


def plain(text: str) -> str:
    """A caption as people read it: without byte-order mark and outer blanks."""
    return text.removeprefix("\ufeff").strip()
