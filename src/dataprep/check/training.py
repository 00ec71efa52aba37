"""Every finding of a training folder, ours or anybody's. Nothing is written into it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms

from dataprep import images
from dataprep.buckets import Target
from dataprep.check import captions, pixels
from dataprep.check.captions import Shelf
from dataprep.check.findings import Hit, Judged
from dataprep.check.folders import Layout, read_layout
from dataprep.check.kinds import KINDS
from dataprep.check.settings import Settings
from dataprep.jobs import Job, Progress
from dataprep.looks import Measures, look, small
from dataprep.pool import ordered, threads
from dataprep.store import Picture
from dataprep.tokens import counter

SRGB = "srgb"
"""What the description of an sRGB profile holds."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One picture of a training folder; without measures it cannot be read."""

    hits: tuple[Hit, ...]
    picture: Picture | None = None
    measures: Measures | None = None


def judge(root: Path, settings: Settings) -> Job[Judged]:
    """Judge a training folder; ``settings.only`` spares what the one kind does not need."""
    yield Progress(0, None, f"reading the layout of {root.name}")
    layout = read_layout(root)
    names = layout.pictures()
    tokens = counter([layout.file.base] if layout.file.base else [])
    budget = settings.budget or layout.file.max_token_length
    texts, hits = _caption_hits(layout, names, settings)
    counts = yield from captions.count(texts, tokens)
    hits += captions.long_hits(counts, tokens, budget)
    hits += layout.hits
    if not settings.only or KINDS[settings.only].about == "pixels":
        hits += yield from _pixel_hits(layout, names, settings)
    longest = max(counts.values(), default=0)
    return Judged(tuple(hits), len(names), tokens, longest, budget)


def _caption_hits(
    layout: Layout, names: list[str], settings: Settings
) -> tuple[dict[str, str], list[Hit]]:
    """The captions that can be read, and what is wrong with any."""
    file = layout.file
    reg = frozenset(
        name for name in names if any((layout.root / name).parent == place for place in layout.reg)
    )
    extension = settings.caption_extension or file.caption_extension
    shelf = Shelf(layout.root, tuple(names), tuple(names), extension)
    texts, hits = captions.read(shelf)
    own = {name: text for name, text in texts.items() if name not in reg}
    hits += captions.place_hits(shelf, optional=reg)
    hits += captions.tag_hits(own, settings.trigger or file.trigger, file.keep_tokens)
    return texts, hits


def _pixel_hits(layout: Layout, names: list[str], settings: Settings) -> Job[list[Hit]]:
    target = layout.file.target
    if settings.size:
        target = Target((settings.size, settings.size), buckets=True)
    sizes = target.sizes()
    hits: list[Hit] = []
    read: list[Picture] = []

    def work(name: str) -> Seen:
        return _see(layout.root, name)

    with closing(ordered(names, work, threads(), 2 * threads())) as feed:
        for done, (name, seen) in enumerate(feed, start=1):
            hits += seen.hits
            if seen.picture is not None and seen.measures is not None:
                hits += pixels.size_hits(seen.picture, None, target, sizes, settings.aspect)
                hits += pixels.light_hits(name, seen.measures, settings)
                hits += pixels.border_hits(seen.picture, seen.measures.borders, None)
                read.append(seen.picture)
            yield Progress(done, len(names), f"looking at {name}")
    return [*hits, *pixels.copy_hits(read)]


def _see(root: Path, name: str) -> Seen:
    """Probe and measure one picture, without remembering it."""
    try:
        picture = images.probe(root, name)
        if picture.reason:
            return Seen((Hit("unreadable", name, picture.reason),))
        size = (picture.width, picture.height)
        image = images.decode(root / name, small(*size))
    except FileNotFoundError:
        return Seen((Hit("unreadable", name, "the file is gone"),))
    except images.BadImage as error:
        return Seen((Hit("unreadable", name, error.message),))
    hits = tuple(_trainer_hits(root / name, picture, image))
    return Seen(hits, picture, look(image, size).measures)


def _trainer_hits(path: Path, picture: Picture, image: Image.Image) -> Iterator[Hit]:
    """What our decode takes care of, and kohya's trainers do not."""
    if picture.orientation > 1:
        yield Hit("exif-orientation", picture.name, f"EXIF orientation {picture.orientation}")
    if image.mode == "RGBA" and (hidden := _hidden(image)) > 0:
        yield Hit("alpha", picture.name, f"{hidden:.0%} of it is transparent")
    if profile := _foreign_profile(path):
        yield Hit("colour-profile", picture.name, profile)


def _hidden(image: Image.Image) -> float:
    """The share of a picture that is not opaque, 0..1."""
    histogram = image.getchannel("A").histogram()
    return 1 - histogram[255] / sum(histogram)


def _foreign_profile(path: Path) -> str:
    """The name of an embedded colour profile other than sRGB; empty: there is none."""
    try:
        with Image.open(path) as image:
            data = image.info.get("icc_profile")
    except (OSError, ValueError, SyntaxError):
        return ""  # Pillow refuses its header; our decode has read it by other means
    if not data:
        return ""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        name = ImageCms.getProfileDescription(profile).strip() or "a colour profile without a name"
    except (ImageCms.PyCMSError, OSError):
        return "a colour profile that cannot be read"
    return "" if SRGB in name.casefold() else name
