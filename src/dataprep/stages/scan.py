"""``dataprep scan``: look at every file once and remember what it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import PurePosixPath

from dataprep import images
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.store import Picture

BATCH = 64
"""Facts are written down after this many files, so that a stopped scan goes on from there."""


class Settings(Base):
    """Nothing to set: the folder says it all."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Probe new and changed files; report every file that cannot be used, and why."""
    before = dataset.store.pictures()
    issues = yield from refresh(dataset)
    pictures = dataset.pictures()
    unchanged = sum(before.get(picture.name) == picture for picture in pictures)
    good = [picture for picture in pictures if not picture.reason]
    captioned = sum(dataset.caption_path(picture.name).is_file() for picture in good)
    unreadable = len(pictures) - len(good)
    formats = dict(Counter(picture.format for picture in good).most_common())
    return Report(
        "scan",
        done=len(pictures) - unchanged,
        unchanged=unchanged,
        issues=tuple(issues),
        facts={
            "pictures": len(good),
            "unreadable": unreadable,
            "captioned": captioned,
            "formats": formats,
        },
        lines=(
            f"{len(good)} pictures ({_listed(formats)}), "
            f"{captioned} with a caption, {unreadable} unreadable",
        ),
    )


def refresh(dataset: Dataset) -> Job[list[Issue]]:
    """Bring the store up to the folder's state; the issues of all files, old and new.

    Only files whose size or time changed are read. Every stage starts with this.
    """
    known = dataset.store.pictures()
    names = images.find(dataset.root)
    dataset.store.forget_pictures(known.keys() - set(names))
    stale = [name for name in names if not _is_current(dataset, known.get(name), name)]
    yield Progress(0, len(stale), "looking at the pictures")
    yield from _probe_all(dataset, stale)
    return _issues(dataset)


def _is_current(dataset: Dataset, known: Picture | None, name: str) -> bool:
    if known is None:
        return False
    stat = dataset.path(name).stat()
    return (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _probe_all(dataset: Dataset, names: list[str]) -> Job[None]:
    batch: list[Picture] = []
    probe = partial(images.probe, dataset.root)
    try:
        with closing(ordered(names, probe, threads(), BATCH)) as probed:
            for done, (name, picture) in enumerate(probed, start=1):
                batch.append(picture)
                if len(batch) == BATCH:
                    dataset.store.put_pictures(batch)
                    batch = []
                yield Progress(done, len(names), name)
    finally:
        dataset.store.put_pictures(batch)


def _issues(dataset: Dataset) -> list[Issue]:
    pictures = dataset.pictures()
    found = [Issue(p.name, "unreadable", p.reason) for p in pictures if p.reason]
    shared: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        shared[str(PurePosixPath(picture.name).with_suffix(""))].append(picture.name)
    for names in shared.values():
        found += [
            Issue(name, "shared caption", f"has the same caption file as {names[0]}", fatal=False)
            for name in names[1:]
        ]
    for picture in pictures:
        try:
            dataset.caption(picture.name)
        except images.BadImage as error:
            found.append(Issue(picture.name, "caption", error.message))
    return found


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())
