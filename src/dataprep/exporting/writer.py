"""Bringing one picture, its caption and its mask into the training folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from PIL import Image

from dataprep import layout
from dataprep.decisions import Decisions
from dataprep.errors import DataprepError
from dataprep.exporting.encoders import ENDINGS, Format, encode, exif_of
from dataprep.exporting.manifest import Manifest, digest_of
from dataprep.exporting.parts import Part
from dataprep.images import BadImage
from dataprep.originals import Originals
from dataprep.render import flatten
from dataprep.store import Picture

Masks = Literal["none", "folder", "alpha"]

RENDER_VERSION = 1
"""Goes up when the same decisions give other pixels, so that an export is written anew."""


class NotOurs(DataprepError):
    """A person's own file stands where the export would write."""


@dataclass(frozen=True, slots=True)
class Form:
    """How training pictures are stored."""

    format: Format = "png"
    quality: int = 95
    metadata: bool = False
    masks: Masks = "none"

    @property
    def key(self) -> str:
        """What of it changes the bytes."""
        parts = [self.format, str(self.quality) if self.format == "jpg" else ""]
        parts += ["metadata" if self.metadata else "", "alpha" if self.masks == "alpha" else ""]
        return " ".join([str(RENDER_VERSION), *filter(None, parts)])


@dataclass(frozen=True, slots=True)
class Item:
    """One picture on its way out."""

    picture: Picture
    decisions: Decisions
    part: Part
    stem: str
    caption: str

    @property
    def source(self) -> str:
        """What its pixels are made of: equal text, equal pixels."""
        return f"{self.picture.sha} {self.decisions.render_key}"

    @property
    def caption_file(self) -> str:
        """The exported caption, inside the training folder."""
        return f"{self.part.folder}/{self.stem}.txt"

    @property
    def caption_bytes(self) -> bytes:
        """Its content; empty: there is none."""
        # the trainers stop at an empty caption file, and take the folder's name when there is none
        return f"{self.caption}\n".encode() if self.caption else b""

    def picture_file(self, form: Form) -> str:
        """The exported picture, inside the training folder."""
        return f"{self.part.folder}/{self.stem}{ENDINGS[form.format]}"

    def mask_file(self, form: Form) -> str:
        """Its mask for masked loss, inside the training folder; empty: none is written."""
        wanted = form.masks == "folder" and self.decisions.background is not None
        folder = self.part.folder.rpartition("/")[2]
        return f"{layout.MASKS}/{folder}/{self.stem}.png" if wanted else ""

    def wanted(self, form: Form) -> dict[str, str]:
        """Every file that it has in the training folder, and what that is made of."""
        source = f"{self.source} {form.key}"
        files = {self.picture_file(form): source}
        if name := self.mask_file(form):
            files[name] = f"mask {source}"
        if self.caption_bytes:
            files[self.caption_file] = digest_of(self.caption_bytes)
        return files


def is_current(manifest: Manifest, item: Item, form: Form) -> bool:
    """Whether all of a picture's files are there as they should be, and no other caption."""
    for name, source in item.wanted(form).items():
        entry = manifest.look(name)[1]
        if entry is None or entry.source != source:
            return False
    return bool(item.caption_bytes) or manifest.look(item.caption_file)[0] == "absent"


def bring(originals: Originals, manifest: Manifest, item: Item, form: Form) -> bool:
    """Write what of a picture is not there yet; False when all of it was.

    Raises ``BadImage`` and ``NotOurs``.
    """
    new = False
    makers = makers_of(originals, item, form)
    for name, source in item.wanted(form).items():
        new |= _bring(manifest, name, source, makers[name])
    return (not item.caption_bytes and _take_caption(manifest, item)) or new


def makers_of(originals: Originals, item: Item, form: Form) -> dict[str, Callable[[], bytes]]:
    """What makes the bytes of each of a picture's files; may raise ``BadImage``."""
    return {
        item.picture_file(form): lambda: _pixels(originals, item, form),
        item.mask_file(form): lambda: _mask(originals, item),
        item.caption_file: lambda: item.caption_bytes,
    }


def _bring(manifest: Manifest, name: str, source: str, make: Callable[[], bytes]) -> bool:
    state, entry = manifest.look(name)
    if entry is not None and entry.source == source:
        return False
    data = make()
    if state == "foreign":
        if manifest.adopt(name, source, data):
            return False
        raise not_ours(manifest, name)
    manifest.write(name, source, data)
    return True


def not_ours(manifest: Manifest, name: str) -> NotOurs:
    """What is said where somebody else's file stands."""
    if manifest.knows(name):
        advice = "; edit the project's caption instead" if name.endswith(".txt") else ""
        return NotOurs(f"{manifest.path(name)} was edited, and is kept{advice}")
    return NotOurs(f"{manifest.path(name)} was not written by an export, and is kept")


def _take_caption(manifest: Manifest, item: Item) -> bool:
    """Remove the caption that an earlier export wrote; False when there is none."""
    state, _ = manifest.look(item.caption_file)
    if state == "foreign":
        raise not_ours(manifest, item.caption_file)
    if state == "ours":
        manifest.remove(item.caption_file)
    return state == "ours"


def _pixels(originals: Originals, item: Item, form: Form) -> bytes:
    image = originals.render(item.picture, item.decisions)
    if form.masks == "alpha" and item.decisions.background is not None:
        image = flatten(image)
        image.putalpha(originals.render_mask(item.picture, item.decisions))
    exif = _exif(originals, item.picture) if form.metadata else b""
    return encode(image, form.format, form.quality, exif)


def _mask(originals: Originals, item: Item) -> bytes:
    return encode(originals.render_mask(item.picture, item.decisions), "png", 0)


def _exif(originals: Originals, picture: Picture) -> bytes:
    try:
        with Image.open(originals.file(picture)) as image:
            return exif_of(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise BadImage(f"its metadata cannot be read ({error})") from None
