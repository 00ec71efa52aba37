"""Find the subjects of many pictures: some threads run the network, others feed it and clear up."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from dataprep import files, masks
from dataprep.dataset import Dataset
from dataprep.drafts import is_faithful
from dataprep.images import BadImage
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.matting.contracts import Pixels
from dataprep.matting.network import Matter, open_matter
from dataprep.matting.source import Source, missing_weights
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture

DRAFT_MARGIN = 2
"""A JPEG is decoded at a fraction only while it stays this many times larger than what is seen:
masks are stretched, and with them what the fraction leaves out."""

Prepared = tuple[Picture, Pixels]


@dataclass(slots=True)
class Finding:
    """How a run went."""

    coverage: dict[str, float] = field(default_factory=dict)
    """The share of each picture that its new mask covers, 0..1, by content hash."""
    issues: list[Issue] = field(default_factory=list)
    device: str = ""
    """Empty when the network did not have to run."""
    remark: str = ""
    per_second: float = 0.0


def find(dataset: Dataset, source: Source, todo: list[Picture], device: Device) -> Job[Finding]:
    """Make the masks of ``todo``; whatever a progress counts is on the disk.

    Threads decode ahead of the network and write behind it, a few pictures each.
    """
    finding = Finding()
    if not todo:
        return finding
    files.sweep(dataset.mask_path(todo[0], source.key).parent)
    yield Progress(0, len(todo), f"loading {source.name}")
    if place := missing_weights(source):
        yield Progress(0, len(todo), f"rembg fetches {source.name}, once, into {place.parent}")
    matter = open_matter(source, device)
    finding.device, finding.remark = matter.device, matter.remark
    yield Progress(0, len(todo), source.name)
    began = time.monotonic()

    def keep(found: Prepared) -> float:
        picture, mask = found
        path = dataset.mask_path(picture, source.key)
        return masks.save(_enlarged(mask, (picture.width, picture.height)), path)

    with (
        closing(_found(dataset, matter, todo, finding.issues)) as found,
        closing(ordered(found, keep, threads(), threads())) as kept,
    ):
        for (picture, _), share in kept:
            finding.coverage[picture.sha] = share
            done = len(finding.coverage) + len(finding.issues)
            finding.per_second = done / (time.monotonic() - began)
            yield Progress(done, len(todo), picture.name, {"img_per_s": finding.per_second})
    return finding


def _found(
    dataset: Dataset, matter: Matter, todo: list[Picture], issues: list[Issue]
) -> Generator[Prepared, None, None]:
    """Pictures with the masks that the network said, at its own size."""

    def read(picture: Picture) -> Pixels | str:
        try:
            return matter.prepare(_decoded(dataset, picture, matter.side))
        except BadImage as error:
            return error.message

    def run(batch: list[Prepared]) -> list[Pixels]:
        return matter.masks([pixels for _, pixels in batch])

    ahead, lanes = 2 * matter.at_once + threads(), matter.lanes
    with (
        closing(ordered(todo, read, threads(), ahead)) as prepared,
        closing(ordered(_batches(prepared, matter, issues), run, lanes, lanes)) as ran,
    ):
        for batch, said in ran:
            yield from zip((picture for picture, _ in batch), said, strict=True)


def _batches(
    prepared: Iterable[tuple[Picture, Pixels | str]], matter: Matter, issues: list[Issue]
) -> Generator[list[Prepared], None, None]:
    """As many prepared pictures together as go through the network together."""
    batch: list[Prepared] = []
    for picture, pixels in prepared:
        if isinstance(pixels, str):
            issues.append(Issue(picture.name, "unreadable", pixels))
            continue
        batch.append((picture, pixels))
        if len(batch) >= matter.at_once:
            yield batch
            batch = []
    if batch:
        yield batch


def _decoded(dataset: Dataset, picture: Picture, side: int | None) -> Image.Image:
    """A picture as large as a network needs it that sees a square of ``side``; None: whole."""
    if side is None:
        return dataset.decode(picture)
    least = DRAFT_MARGIN * side
    full = picture.width, picture.height
    image = dataset.decode(picture, (min(full[0], least), min(full[1], least)))
    if image.size == full or is_faithful(image, min(image.size) / side):
        return image
    return dataset.decode(picture)


def _enlarged(mask: Pixels, size: tuple[int, int]) -> Pixels:
    image = Image.fromarray(mask)
    return mask if image.size == size else np.asarray(image.resize(size, Image.Resampling.LANCZOS))
