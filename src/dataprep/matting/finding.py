"""Find the subjects of many pictures: some threads run the network, others feed it and clear up."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from dataprep import files, masks
from dataprep.cluster import LOCAL, Engine, spread
from dataprep.dataset import Dataset
from dataprep.drafts import is_faithful
from dataprep.images import BadImage
from dataprep.inference import Device
from dataprep.jobs import Job, Progress
from dataprep.matting.contracts import Pixels
from dataprep.matting.network import Matter, open_matter
from dataprep.matting.source import Source, missing_weights, weights
from dataprep.originals import Originals
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture

DRAFT_MARGIN = 2
"""A JPEG is decoded at a fraction only while it stays this many times larger than what is seen:
masks are stretched, and with them what the fraction leaves out."""

BATCH = 32
"""So many pictures go to a worker of a cluster at once."""

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


def find(
    dataset: Dataset,
    source: Source,
    todo: list[Picture],
    device: Device,
    engine: Engine = LOCAL,
) -> Job[Finding]:
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
    originals = Originals(dataset.root, dataset.max_pixels)
    if engine.is_spread:
        finder = Finder(originals, source, device, weights(source))
        found = _spread(engine, finder, todo, finding)
    else:
        matter = open_matter(source, device)
        finding.device, finding.remark = matter.device, matter.remark
        found = _kept(originals, matter, source.key, todo, finding.issues)
    yield Progress(0, len(todo), source.name)
    began = time.monotonic()
    done, note = 0, source.name
    with closing(found) as shares:
        for one in shares:
            if one is not None:
                picture, finding.coverage[picture.sha] = one
                note = picture.name
                done = len(finding.coverage) + len(finding.issues)
                finding.per_second = done / (time.monotonic() - began)
            yield Progress(done, len(todo), note, {"img_per_s": finding.per_second})
    return finding


@dataclass(frozen=True, slots=True)
class Finder:
    """How a worker of a cluster that makes masks is made."""

    originals: Originals
    source: Source
    device: Device
    weights: Path

    @property
    def sees(self) -> tuple[Path, ...]:
        """The project and the model."""
        return self.originals.root, self.weights

    def open(self, cores: int) -> FindingWorker:
        """Load the network."""
        return FindingWorker(self, open_matter(self.source, self.device, cores))


class FindingWorker:
    """Makes masks on a machine of a cluster, as it is done here."""

    def __init__(self, finder: Finder, matter: Matter) -> None:
        self.device, self.remark = matter.device, matter.remark
        self._finder, self._matter = finder, matter

    def __call__(self, batch: Sequence[Picture]) -> list[float | str]:
        """The share that each mask covers, 0..1, or why there is none."""
        issues: list[Issue] = []
        key = self._finder.source.key
        kept = _kept(self._finder.originals, self._matter, key, batch, issues)
        with closing(kept):
            said: dict[str, float | str] = {picture.name: share for picture, share in kept}
        said |= {issue.file: issue.reason for issue in issues}
        return [said[picture.name] for picture in batch]


def _spread(
    engine: Engine, finder: Finder, todo: Sequence[Picture], finding: Finding
) -> Generator[tuple[Picture, float] | None, None, None]:
    """What ``_kept`` gives, from a cluster; None after a silent moment."""
    with closing(spread(engine, finder, todo, BATCH, finder.device)) as landed:
        for one in landed:
            if one is None:
                yield None
                continue
            finding.device, finding.remark = one.device, one.remark
            for picture, share in one.pairs:
                if isinstance(share, str):
                    finding.issues.append(Issue(picture.name, "unreadable", share))
                else:
                    yield picture, share
    # batches come back as they are done; pictures are in the order of their names
    finding.issues.sort(key=lambda issue: issue.file)


def _kept(
    originals: Originals,
    matter: Matter,
    key: str,
    todo: Sequence[Picture],
    issues: list[Issue],
) -> Generator[tuple[Picture, float], None, None]:
    """Pictures whose mask is on the disk, with the share that it covers."""

    def keep(found: Prepared) -> float:
        picture, mask = found
        path = originals.mask_path(picture, key)
        return masks.save(_enlarged(mask, (picture.width, picture.height)), path)

    with (
        closing(_found(originals, matter, todo, issues)) as found,
        closing(ordered(found, keep, threads(), threads())) as kept,
    ):
        for (picture, _), share in kept:
            yield picture, share


def _found(
    originals: Originals, matter: Matter, todo: Sequence[Picture], issues: list[Issue]
) -> Generator[Prepared, None, None]:
    """Pictures with the masks that the network said, at its own size."""

    def read(picture: Picture) -> Pixels | str:
        try:
            return matter.prepare(_decoded(originals, picture, matter.side))
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


def _decoded(originals: Originals, picture: Picture, side: int | None) -> Image.Image:
    """A picture as large as a network needs it that sees a square of ``side``; None: whole."""
    if side is None:
        return originals.decode(picture)
    least = DRAFT_MARGIN * side
    full = picture.width, picture.height
    image = originals.decode(picture, (min(full[0], least), min(full[1], least)))
    if image.size == full or is_faithful(image, min(image.size) / side):
        return image
    return originals.decode(picture)


def _enlarged(mask: Pixels, size: tuple[int, int]) -> Pixels:
    image = Image.fromarray(mask)
    return mask if image.size == size else np.asarray(image.resize(size, Image.Resampling.LANCZOS))
