"""``dataprep import``: bring pictures in from folders, archives and videos.

They come by reflink or copy, with their captions; sources stay as they are, and the project
remembers where each picture came from.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Annotated

from filelock import FileLock, Timeout
from PIL import Image
from pydantic import AfterValidator, Field

from dataprep import images
from dataprep.dataset import Dataset
from dataprep.errors import DataprepError, UsageError
from dataprep.homes import STATE_FOLDER
from dataprep.images import BadImage
from dataprep.importing import video
from dataprep.importing.archive import Archive, Limits, Pack
from dataprep.importing.bring import Bringer, Outcome, Project, Read
from dataprep.importing.gather import Place, expand, from_folder, single_file
from dataprep.importing.items import ARCHIVES, CAPTIONS, Item, is_wanted
from dataprep.importing.tar import TarArchive
from dataprep.jobs import Job, Progress
from dataprep.limits import MOST_MEGAPIXELS, of_project
from dataprep.report import Issue, Report
from dataprep.settings import Settings as Base
from dataprep.stages.scan import refresh
from dataprep.store import Picture, Source

STAGING = "import"
DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|min)?")
UNITS = {"ms": 1e-3, "s": 1.0, "min": 60.0}


def _seconds(text: str) -> float:
    match = DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError("must be a time such as 2s, 0.5s, 500ms or 1min")
    return float(match[1]) * UNITS[match[2] or "s"]


def _duration(value: str) -> str:
    _seconds(value)
    return value.strip()


class Settings(Base):
    """What is brought in, and how much of it."""

    sources: tuple[str, ...] = Field(json_schema_extra={"positional": "before"})
    """Folders, zip and tar archives, pictures, videos, quoted patterns such as "photos/**/*.jpg",
    and @list.txt for a file with one of these a line."""
    flat: bool = False
    """Leave the folders out in which pictures lie, there or in the archive."""
    frames: int = Field(default=0, ge=0, le=10_000)
    """Of animated pictures take every so many-th frame, as a PNG each; 0 brings the file itself,
    of which the first frame is used."""
    every: Annotated[str, AfterValidator(_duration)] = "1s"
    """Of videos take a frame this often (2s, 0.5s, 500ms, 1min); 0 takes all."""
    similar: float = Field(default=2.0, ge=0, le=255)
    """Leave a frame out that differs less than this from the last one taken (mean of levels, 0 to
    255, at 32×32 pixels); 0 takes all."""
    max_megapixels: int | None = Field(default=None, ge=1, le=MOST_MEGAPIXELS)
    """Larger pictures are refused (megapixels). Left out: as the recipe's [scan] says, else 200."""
    max_entries: int = Field(default=100_000, ge=0)
    """Files in an archive; one with more is refused as a bomb. 0 is no limit."""
    max_unpacked: float = Field(default=20.0, ge=0)
    """Gigabytes that an archive's pictures may unpack to. 0 is no limit."""
    max_ratio: int = Field(default=200, ge=0)
    """How many times its packed size a picture in an archive may be. 0 is no limit."""


def run(target: Path, settings: Settings, *, dry_run: bool = False) -> Job[Report]:
    """Bring pictures into the project ``target``, which is made if need be.

    What is there already is left alone, so that a run that was cut short is finished by the next.
    Raises ``UsageError`` for sources that are not there.
    """
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: is a file", "the last argument is the project's folder")
    yield Progress(0, None, "looking at the sources")
    places = expand(settings.sources)
    with ExitStack() as stack:
        items, archives, issues = _gathered(places, target, settings, stack)
        if dry_run and not target.exists():
            project = Project(target.resolve(), {}, {}, _forget, _limit(settings, target), True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            dataset = stack.enter_context(Dataset.open(target, dry_run=dry_run))
            stack.enter_context(_alone(dataset))
            yield from refresh(dataset)
            project = _project(dataset, _limit(settings, target))
        staging = stack.enter_context(_staging(project))
        bringer = Bringer(project, staging, archives, takes_frames=settings.frames > 0)
        stack.callback(bringer.flush)
        yield from _bring(bringer, items, settings, project)
        bringer.flush()
        if not project.dry_run:
            issues += yield from refresh(dataset)
    return _report(bringer.outcome, issues, dry_run)


def foresee(target: Path, settings: Settings) -> tuple[dict[str, int], list[Issue]]:
    """What lies at the sources, counted by kind, and what would be left or refused.

    Archives are opened, and nothing of them is unpacked. Raises ``UsageError`` like the import.
    """
    with ExitStack() as stack:
        items, _, issues = _gathered(expand(settings.sources), target, settings, stack)
    return dict(Counter(item.kind for item in items)), issues


def _gathered(
    places: list[Place], target: Path, settings: Settings, stack: ExitStack
) -> tuple[list[Item], dict[Path, Pack], list[Issue]]:
    """All that is to be brought in, the archives among it (open), and what is left or refused."""
    items: list[Item] = []
    issues: list[Issue] = []
    archives: dict[Path, Pack] = {}
    named = {place.path.resolve() for place in places}
    limits = Limits(settings.max_entries, settings.max_unpacked, settings.max_ratio)
    for place in places:
        path = place.path
        try:
            if path.is_dir():
                found, more = from_folder(place, target, named)
            elif path.suffix.lower() in ARCHIVES:
                opened: Pack = TarArchive(path) if path.suffix.lower() == ".tar" else Archive(path)
                archives[path] = stack.enter_context(opened)
                found, more = archives[path].items(limits)
            elif is_wanted(path.name):
                found, more = [single_file(place)], []
            else:
                found, more = [], _other(path)
        except BadImage as error:
            found, more = [], [Issue(str(path), "unreadable", error.message)]
        items += found
        issues += more
    # patterns find a file both by itself and in its folder
    items = list({(item.source, item.part): item for item in reversed(items)}.values())[::-1]
    if settings.flat:
        items = [replace(item, name=PurePosixPath(item.name).name) for item in items]
    return items, archives, issues


def _other(path: Path) -> list[Issue]:
    """What is said of a file of another kind; captions come with their pictures."""
    if path.suffix.lower() in CAPTIONS:
        return []
    reason = "no picture, archive or video, by its ending"
    return [Issue(str(path), "not imported", reason)]


def _limit(settings: Settings, target: Path) -> int:
    if settings.max_megapixels is not None:
        return settings.max_megapixels * 1_000_000
    return of_project(target).max_pixels


def _project(dataset: Dataset, max_pixels: int) -> Project:
    def remember(rows: list[tuple[Picture, Source]]) -> None:
        dataset.store.put_pictures(picture for picture, _ in rows)
        dataset.store.put_sources(source for _, source in rows)

    store = dataset.store
    known, sources = store.pictures(), store.sources()
    return Project(dataset.root, known, sources, remember, max_pixels, dataset.dry_run)


def _forget(rows: list[tuple[Picture, Source]]) -> None:
    """Of a project that does not exist nothing is remembered."""


@contextmanager
def _alone(dataset: Dataset) -> Iterator[None]:
    """Two imports at once would give out the same names."""
    try:
        with FileLock(dataset.root / STATE_FOLDER / "import.lock", timeout=0):
            yield
    except Timeout:
        raise DataprepError(
            f"{dataset.root}: another import into this project is running", "wait for it"
        ) from None


@contextmanager
def _staging(project: Project) -> Iterator[Path]:
    """A folder for what is unpacked and drawn; on the project's own disk, so that it can be moved.

    What a killed import left there is removed.
    """
    if project.dry_run:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    folder = project.root / STATE_FOLDER / STAGING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bring(bringer: Bringer, items: list[Item], settings: Settings, project: Project) -> Job[None]:
    pictures = [item for item in items if item.kind != "video"]
    yield from bringer.pictures(pictures)
    for read in bringer.animated:
        yield from _animation(bringer, read, settings, project)
    for item in items:
        if item.kind == "video":
            yield from _video(bringer, item, settings, project)


def _animation(bringer: Bringer, read: Read, settings: Settings, project: Project) -> Job[None]:
    item = replace(read.item, kind="animation", captions=())

    def drawn() -> Iterator[tuple[str, str, Image.Image]]:
        for number, image in images.frames(read.path, settings.frames, project.max_pixels):
            part = f"{item.part} frame {number}".strip()
            yield f"{number:05}", part, image

    yield from _frames(bringer, item, drawn(), settings)


def _video(bringer: Bringer, item: Item, settings: Settings, project: Project) -> Job[None]:
    def drawn() -> Iterator[tuple[str, str, Image.Image]]:
        for seconds, image in video.frames(
            item.source, _seconds(settings.every), project.max_pixels
        ):
            label = video.time_label(seconds)
            yield label, label, image

    yield from _frames(bringer, item, drawn(), settings)


def _frames(
    bringer: Bringer,
    item: Item,
    drawn: Iterator[tuple[str, str, Image.Image]],
    settings: Settings,
) -> Job[None]:
    """Bring frames in; where a file breaks off, those before stay."""

    def until_it_breaks() -> Iterator[tuple[str, str, Image.Image]]:
        try:
            yield from drawn
        except BadImage as error:
            bringer.outcome.issues.append(Issue(item.label, "unreadable", error.message))

    note, novelty = PurePosixPath(item.name).name, video.Novelty(settings.similar)
    yield from bringer.frames(item, until_it_breaks(), novelty, note)


KINDS = {
    "file": "files",
    "archive": "from archives",
    "animation": "frames of animated pictures",
    "video": "frames of videos",
}


def _report(outcome: Outcome, issues: list[Issue], dry_run: bool) -> Report:
    brought, counts = outcome.brought, outcome.counts
    return Report(
        "import",
        done=len(brought),
        unchanged=outcome.there,
        issues=tuple(outcome.issues + issues),
        facts={
            "kinds": dict(counts),
            "renamed": outcome.renamed,
            "dropped": outcome.dropped,
            "map": {
                name: {"source": source.source, "part": source.part}
                for name, source in brought.items()
            },
        },
        lines=tuple(_lines(outcome, dry_run)),
        dry_run=dry_run,
    )


def _lines(outcome: Outcome, dry_run: bool) -> Iterator[str]:
    counts = outcome.counts
    kinds = ", ".join(f"{count} {KINDS[kind]}" for kind, count in counts.items())
    verb = "would be brought in" if dry_run else "brought in"
    line = f"{len(outcome.brought)} pictures {verb}" + (
        f" ({kinds})" if counts.keys() - {"file"} else ""
    )
    if outcome.there:
        line += f", {outcome.there} were there already"
    yield line
    if outcome.renamed:
        yield f"{outcome.renamed} under another name: see the notes"
    if outcome.dropped:
        yield f"{outcome.dropped} frames left out that nearly repeat the one before (--similar)"
