"""``dataprep background``: find the subject of every picture and decide what stands behind it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

from PIL import Image, PngImagePlugin
from pydantic import AfterValidator, Field

from dataprep import files
from dataprep.dataset import Dataset
from dataprep.decisions import ALPHA, Background, encode_background
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.matting import Source, missing_weights, open_matter, read_matting
from dataprep.pool import ordered
from dataprep.render import parse_colour
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture

LEAST, MOST = 0.02, 0.98
"""A subject that covers less or more of a picture has most likely not been found."""
HALF = 128
"""From this value of a mask on, a pixel counts as subject."""
COVERAGE = "coverage"
DECODERS, AHEAD = 2, 2


def _composite(value: str) -> str:
    if value == ALPHA:
        return value
    try:
        return "#{:02x}{:02x}{:02x}".format(*parse_colour(value))
    except ValueError:
        raise ValueError('must be "alpha", a colour as "#rrggbb", or the name of one') from None


class Settings(Base):
    """Which model finds the subject, and what stands behind it."""

    model: str
    """A name that rembg knows (isnet-anime, u2net …), an .onnx file like U²-Net's, or "demo"."""
    composite: Annotated[str, AfterValidator(_composite)] = Field("white", validate_default=True)
    """A colour as "#rrggbb" or by name; "alpha" keeps transparency."""
    redo: bool = False
    """Find the subject again also where its mask is remembered."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Make the masks that are missing, then decide the background as one edit."""
    yield Progress(0, None, f"reading {settings.model}")
    source = read_matting(settings.model)
    issues = yield from refresh(dataset)
    pictures = dataset.usable()
    coverage = {
        picture.name: known
        for picture in pictures
        if not settings.redo
        and (known := _remembered(dataset.mask_path(picture, source.key))) is not None
    }
    cached = len(coverage)
    todo = [picture for picture in pictures if picture.name not in coverage]
    issues += yield from _find(dataset, source, todo, coverage)
    issues += [_doubt(name, share) for name, share in coverage.items() if not LEAST < share < MOST]
    decided = encode_background(Background(source.key, settings.composite))
    changes = dataset.edit(
        f"background {settings.composite} by {source.name}",
        [dataset.decision_change(name, "background", decided) for name in sorted(coverage)],
    )
    found = len(coverage) - cached
    return Report(
        "background",
        done=len(changes),
        unchanged=len(coverage) - len(changes),
        issues=tuple(issues),
        changes=changes,
        facts={"model": source.key, "composite": settings.composite, "cached": cached}
        | {"coverage": {name: round(share, 4) for name, share in coverage.items()}},
        lines=(
            f"{found} subjects found with {source.name}, {cached} remembered; "
            f"{len(changes)} backgrounds decided: {settings.composite}",
        ),
        dry_run=dataset.dry_run,
    )


def _find(
    dataset: Dataset, source: Source, todo: list[Picture], coverage: dict[str, float]
) -> Job[list[Issue]]:
    """Make and keep the masks of ``todo``; fills ``coverage``, returns what could not be read."""
    issues: list[Issue] = []
    if not todo:
        return issues
    files.sweep(dataset.mask_path(todo[0], source.key).parent)
    yield Progress(0, len(todo), f"loading {source.name}")
    if place := missing_weights(source):
        yield Progress(0, len(todo), f"rembg fetches {source.name}, once, into {place.parent}")
    matter = open_matter(source)
    yield Progress(0, len(todo), source.name)
    with closing(_decoded(dataset, todo)) as feed:
        for done, (picture, image) in enumerate(feed, start=1):
            if isinstance(image, str):
                issues.append(Issue(picture.name, "unreadable", image))
            else:
                mask = matter.mask(image)
                coverage[picture.name] = _keep(mask, dataset.mask_path(picture, source.key))
            yield Progress(done, len(todo), picture.name)
    return issues


def _decoded(
    dataset: Dataset, pictures: list[Picture]
) -> Generator[tuple[Picture, Image.Image | str], None, None]:
    """Pictures with their whole upright original, or the reason why there is none."""

    def read(picture: Picture) -> Image.Image | str:
        try:
            return dataset.decode(picture)
        except BadImage as error:
            return error.message

    # whole pictures are large and the network is slow: a few ahead are enough
    return ordered(pictures, read, DECODERS, AHEAD)


def _keep(mask: Image.Image, path: Path) -> float:
    """Write a mask and give the share of the picture it covers, 0..1."""
    share = sum(mask.histogram()[HALF:]) / (mask.width * mask.height)
    info = PngImagePlugin.PngInfo()
    # in the header, so that a later run need not decode the mask to know it
    info.add_text(COVERAGE, f"{share:.6f}")
    # the default level takes five times as long for a file that is only a cache
    files.save(path, partial(mask.save, format="PNG", compress_level=1, pnginfo=info))
    return share


def _remembered(path: Path) -> float | None:
    """The share that a mask on the disk covers; None when there is none, or not a whole one."""
    try:
        with Image.open(path) as mask:
            return float(mask.info[COVERAGE])
    except (OSError, KeyError, ValueError):
        return None


def _doubt(name: str, share: float) -> Issue:
    what = "no subject found" if share <= LEAST else "everything is taken for the subject"
    return Issue(name, "mask", f"{what} ({share:.0%} of the picture)", fatal=False)
