"""``dataprep scan``: look at every file once and remember what it is."""

from __future__ import annotations

import os
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import closing

from dataprep import decisions, images
from dataprep.dataset import Dataset
from dataprep.jobs import Job, Progress
from dataprep.limits import Limits
from dataprep.pool import ordered, threads
from dataprep.report import Issue, Report
from dataprep.selection import choose
from dataprep.settings import Selected
from dataprep.store import Picture

REJECTED = decisions.encode("reject")
BATCH = 64
"""Facts are written down after this many files, so that a stopped scan goes on from there."""


class Settings(Limits):
    """What is refused; the rest the folder says itself."""

    where: str = ""
    """Count only pictures that this holds for, such as 'untagged'; docs/filters.md has every word
    of it."""


def run(dataset: Dataset, settings: Settings) -> Job[Report]:
    """Probe new and changed files; report every file that cannot be used, and why."""
    if "max_megapixels" in settings.model_fields_set:
        # else what the recipe says holds, as for every stage
        dataset.max_pixels = settings.max_pixels
    before = dataset.store.pictures()
    issues = yield from refresh(dataset, _selected(settings))
    pictures = dataset.pictures()
    files = [picture for picture in pictures if not picture.file]
    unchanged = sum(before.get(file.name) == file for file in files)
    good = [file for file in files if not file.reason]
    captioned = sum(dataset.caption_path(picture.name).is_file() for picture in good)
    unreadable, views = len(files) - len(good), len(pictures) - len(files)
    formats = dict(Counter(picture.format for picture in good).most_common())
    more = f", and {views} views of them" if views else ""
    return Report(
        "scan",
        done=len(files) - unchanged,
        unchanged=unchanged,
        issues=tuple(issues),
        facts={
            "pictures": len(good),
            "views": views,
            "unreadable": unreadable,
            "captioned": captioned,
            "formats": formats,
        },
        lines=(
            f"{len(good)} pictures{_listed(formats)}, "
            f"{captioned} with a caption, {unreadable} unreadable{more}",
        ),
    )


def _selected(settings: Settings) -> Selected:
    given = "caption_extension" in settings.model_fields_set
    extension = settings.caption_extension if given else None
    return Selected(where=settings.where, caption_extension=extension)


def refresh(dataset: Dataset, settings: Selected | None = None) -> Job[list[Issue]]:
    """Bring the store up to the folder's state; the issues of all files, old and new.

    Only files whose size or time changed are read. Every stage starts with this; from here on
    ``dataset`` holds only the pictures, and means the captions, that ``settings`` say.
    """
    dataset.only = None
    dataset.caption_extension = (settings and settings.caption_extension) or dataset.own_extension
    known = dataset.store.pictures()
    found = dict(images.entries(dataset.root))
    names = sorted(name for name in found if images.is_picture(name))
    if gone := known.keys() - set(names):
        dataset.store.forget_pictures(gone)
    limit = dataset.max_pixels
    stale = [name for name in names if not _is_current(known.get(name), found[name], limit)]
    yield Progress(0, len(stale), "looking at the pictures")
    fresh = yield from _probe_all(dataset, stale)
    current = [fresh.get(name) or known[name] for name in names if name in fresh or name in known]
    issues = _issues(dataset, current, found.keys())
    if settings is None or not settings.where:
        return issues
    chosen = yield from choose(dataset, settings.where)
    dataset.only = chosen.names
    return [*(issue for issue in issues if issue.file in chosen.names), *chosen.remarks]


def _is_current(known: Picture | None, entry: os.DirEntry[str], max_pixels: int) -> bool:
    if known is None:
        return False
    # the limit may have been moved since
    if known.reason.startswith(images.TOO_LARGE) != (known.width * known.height > max_pixels):
        return False
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return False
    return (known.size, known.mtime_ns) == (stat.st_size, stat.st_mtime_ns)


def _probe_all(dataset: Dataset, names: list[str]) -> Job[dict[str, Picture]]:
    """Probe and remember; what vanished meanwhile is left out."""
    probed: dict[str, Picture] = {}
    batch: list[Picture] = []

    def probe(name: str) -> Picture | None:
        try:
            return images.probe(dataset.root, name, dataset.max_pixels)
        except FileNotFoundError:
            return None

    try:
        with closing(ordered(names, probe, threads(), BATCH)) as results:
            for done, (name, picture) in enumerate(results, start=1):
                if picture is not None:
                    probed[name] = picture
                    batch.append(picture)
                if len(batch) == BATCH:
                    dataset.store.put_pictures(batch)
                    batch = []
                yield Progress(done, len(names), name)
    finally:
        if batch:
            dataset.store.put_pictures(batch)
    return probed


def _issues(dataset: Dataset, files: list[Picture], found: Iterable[str]) -> list[Issue]:
    """What is wrong with files that are not rejected: a rejected one has been dealt with."""
    rows = dataset.store.decisions()
    names = sorted([*(file.name for file in files), *_views(files, rows)])
    names = [name for name in names if rows.get(name, {}).get("verdict") != REJECTED]
    wanted = set(names)
    issues = [
        Issue(file.name, "unreadable", file.reason)
        for file in files
        if file.reason and file.name in wanted
    ]
    shared: dict[str, list[str]] = defaultdict(list)
    for name in names:
        shared[posixpath.splitext(name)[0]].append(name)
    for same in shared.values():
        issues += [
            Issue(name, "shared caption", f"has the same caption file as {same[0]}", fatal=False)
            for name in same[1:]
        ]
    there = {name for name in found if name.endswith(dataset.caption_extension)}
    for stem, same in shared.items():
        if stem + dataset.caption_extension in there and (
            reason := _caption_fault(dataset, same[0])
        ):
            issues += [Issue(name, "caption", reason) for name in same]
    return issues


def _views(files: list[Picture], rows: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Names of the views of these files; those that a file took are left out."""
    # of all that was decided only the views are decoded: there are ten thousands of crops
    names = {file.name for file in files}
    views = [
        file.view(view).name
        for file in files
        if "views" in rows.get(file.name, {}) and not file.reason
        for view in decisions.decode({"views": rows[file.name]["views"]}).views
    ]
    return [view for view in views if view not in names]


def _caption_fault(dataset: Dataset, name: str) -> str:
    """Why a picture's caption cannot be read; empty when it can."""
    try:
        dataset.caption_text(name)
    except images.BadImage as error:
        return error.message
    except OSError as error:
        return f"its caption cannot be read ({error.strerror})"
    return ""


def _listed(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count} {name}' for name, count in counts.items())})" if counts else ""
