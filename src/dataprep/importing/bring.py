"""Bringing items into a project: read, named, put in place, written down."""

from __future__ import annotations

import errno
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from dataprep import images, png
from dataprep.images import BadImage
from dataprep.importing.archive import Pack
from dataprep.importing.copying import place, place_caption
from dataprep.importing.items import Item
from dataprep.importing.naming import Names, mended
from dataprep.importing.video import Novelty
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture, Source

BATCH = 64
"""Facts and sources are written down after so many pictures."""
NO_USE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
"""Errors of the disk itself: the next picture would meet them as well."""


@dataclass(frozen=True, slots=True)
class Read:
    """An item that was looked at: what it is, and where its bytes lie."""

    item: Item
    picture: Picture
    path: Path
    staged: bool = False
    """It was unpacked or drawn by us, and may be moved."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done with an item; without a name nothing is."""

    read: Read
    name: str = ""
    there: bool = False
    """A picture of this name and content is there already."""


@dataclass(slots=True)
class Outcome:
    """What came of it all."""

    brought: dict[str, Source] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    """Pictures brought in, by the kind of their source."""
    there: int = 0
    renamed: int = 0
    dropped: int = 0
    """Frames left out because they nearly repeat the one before."""
    issues: list[Issue] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Project:
    """The project as it is before, and how to write down what comes."""

    root: Path
    pictures: Mapping[str, Picture]
    sources: Mapping[str, Source]
    remember: Callable[[list[tuple[Picture, Source]]], None]
    max_pixels: int
    dry_run: bool


class Bringer:
    """Brings items in, one call after the other; the outcome grows meanwhile."""

    def __init__(
        self,
        project: Project,
        staging: Path,
        archives: Mapping[Path, Pack],
        *,
        takes_frames: bool = False,
    ) -> None:
        """``staging`` is an empty folder, on the project's disk unless it is a dry run.

        With ``takes_frames`` pictures of several frames are left in ``animated``.
        """
        self.outcome = Outcome()
        self.animated: list[Read] = []
        self._project = project
        self._staging = staging
        self._archives = archives
        self._takes_frames = takes_frames
        self._names = Names(project.pictures)
        self._shas = {name: picture.sha for name, picture in project.pictures.items()}
        self._origins = {(s.source, s.part): s.name for s in project.sources.values()}
        self._numbers = itertools.count()
        self._batch: list[tuple[Picture, Source]] = []
        self._at = datetime.now().astimezone().isoformat(timespec="seconds")

    def pictures(self, items: list[Item]) -> Job[None]:
        """Bring pictures in, several at a time, named in the order of the items."""
        new = [item for item in items if not self._is_known(item)]
        self.outcome.there += len(items) - len(new)
        yield Progress(0, len(new), "looking at the pictures")
        width = threads()
        with closing(ordered(new, self._read, width, 2 * width)) as read:
            plans = (self._plan(found) for _, found in read)
            with closing(ordered(plans, self._carry_out, width, 2 * width)) as results:
                yield from self._noted(results, len(new))

    def frames(
        self, item: Item, drawn: Iterator[tuple[str, str, Image.Image]], novelty: Novelty, note: str
    ) -> Job[None]:
        """Bring in frames as they come: a label behind the name, the part of the source, pixels."""
        stem = str(PurePosixPath(item.name).with_suffix(""))
        stages = (
            (replace(item, name=f"{stem}_{label}.png", part=part), image)
            if novelty(image)
            else None
            for label, part, image in drawn
        )

        def draw(stage: tuple[Item, Image.Image] | None) -> Read | None:
            return None if stage is None else self._draw(*stage)

        with closing(ordered(stages, draw, threads(), threads())) as read:
            for done, (_, found) in enumerate(read, start=1):
                if found is None:
                    self.outcome.dropped += 1
                else:
                    plan = self._plan(found)
                    self._note(plan, self._carry_out(plan))
                yield Progress(done, None, f"{note} {found.item.part if found else ''}".strip())

    def flush(self) -> None:
        """Write down what was brought in since the last time."""
        if self._batch and not self._project.dry_run:
            self._project.remember(self._batch)
        self._batch = []

    def _read(self, item: Item) -> Read:
        """Look at one item; in a thread."""
        path, staged = item.source, item.kind == "archive"
        try:
            if staged:
                path = self._staged()
                self._archives[item.source].extract(item.part, path)
            picture = images.probe(path.parent, path.name, self._project.max_pixels)
        except BadImage as error:
            return Read(item, _unusable(item, error.message), path)
        except FileNotFoundError:
            return Read(item, _unusable(item, "the file is gone"), path)
        return Read(item, picture, path, staged)

    def _draw(self, item: Item, image: Image.Image) -> Read:
        path = self._staged()
        path.write_bytes(png.encode(np.asarray(image)))
        return Read(item, images.probe(path.parent, path.name), path, staged=True)

    def _staged(self) -> Path:
        return self._staging / str(next(self._numbers))

    def _is_known(self, item: Item) -> bool:
        """Whether it was imported before, and neither it nor the picture has changed since."""
        name = self._origins.get((str(item.source.resolve()), item.part), "")
        known = self._project.pictures.get(name)
        if known is None or self._is_animated(item, known):
            return False
        return (known.size, known.mtime_ns) == (item.size, item.mtime_ns)

    def _is_animated(self, item: Item, picture: Picture) -> bool:
        """Whether frames are to be taken of it."""
        return self._takes_frames and picture.frames > 1 and item.kind in {"file", "archive"}

    def _plan(self, read: Read) -> Plan:
        """Find the name; in one thread, in the order of the items."""
        item = read.item
        if read.picture.reason:
            return Plan(read)
        if self._is_animated(item, read.picture):
            self.animated.append(read)
            return Plan(read)
        if not read.staged and item.source.resolve().is_relative_to(self._project.root):
            return Plan(read, "", there=True)
        wanted = mended(item.name)
        name, there = self._names.choose(wanted, lambda name: self._is_same(name, read))
        if name != item.name and not there:
            self._say_renamed(item, wanted, name)
        self._shas[name] = read.picture.sha
        return Plan(read, name, there)

    def _is_same(self, name: str, read: Read) -> bool:
        """Whether the picture of this name is the one that was read."""
        if self._shas[name] == read.picture.sha:
            return True
        # a frame drawn again by another version of the encoder is the same frame
        source, known = self._project.sources.get(name), self._project.pictures.get(name)
        if source is None or known is None or read.item.kind not in {"video", "animation"}:
            return False
        origin = (str(read.item.source.resolve()), read.item.part)
        return (source.source, source.part) == origin and known.mtime_ns == read.item.mtime_ns

    def _say_renamed(self, item: Item, wanted: str, name: str) -> None:
        reason = f"comes in as {name}"
        if wanted == name:
            reason += ": its name is hidden, or not allowed on every system"
        elif (holder := self._names.holder(wanted)) and holder != wanted:
            reason += f": {holder} has the same caption file"
        else:
            reason += f": there is another {wanted}"
        self.outcome.renamed += 1
        self.outcome.issues.append(Issue(item.label, "renamed", reason, fatal=False))

    def _carry_out(self, plan: Plan) -> list[Issue]:
        """Put one picture in its place, its captions before it; in a thread."""
        read, item = plan.read, plan.read.item
        if not plan.name or plan.there or self._project.dry_run:
            return []
        issues = []
        path = self._project.root / plan.name
        try:
            for ending, where in item.captions:
                if not place_caption(path.with_suffix(ending), self._caption(item, where)):
                    reason = f"{plan.name} keeps the caption that was there"
                    issues.append(Issue(item.label, "caption", reason, fatal=False))
            place(path, read.path, size=read.picture.size, mtime_ns=item.mtime_ns, move=read.staged)
        except BadImage as error:
            issues.append(Issue(item.label, "not imported", error.message))
        except OSError as error:
            if error.errno in NO_USE:
                raise
            reason = f"cannot become {plan.name} ({error.strerror}: {error.filename})"
            issues.append(Issue(item.label, "not imported", reason))
        return issues

    def _caption(self, item: Item, where: str) -> bytes:
        if item.kind == "archive":
            return self._archives[item.source].read(where)
        return Path(where).read_bytes()

    def _noted(self, results: Iterable[tuple[Plan, list[Issue]]], total: int) -> Job[None]:
        for done, (plan, issues) in enumerate(results, start=1):
            self._note(plan, issues)
            yield Progress(done, total, plan.name or plan.read.item.label)

    def _note(self, plan: Plan, issues: list[Issue]) -> None:
        """Count one item and remember it; in one thread."""
        item, outcome = plan.read.item, self.outcome
        outcome.issues += issues
        if plan.read.picture.reason and not plan.there:
            outcome.issues.append(Issue(item.label, "unreadable", plan.read.picture.reason))
        elif plan.there:
            outcome.there += 1
        elif plan.name and not any(issue.fatal for issue in issues):
            outcome.counts[item.kind] += 1
            self._remember(plan)

    def _remember(self, plan: Plan) -> None:
        item, read = plan.read.item, plan.read
        source = Source(
            plan.name, read.picture.sha, str(item.source.resolve()), item.part, self._at
        )
        self.outcome.brought[plan.name] = source
        picture = replace(read.picture, name=plan.name, mtime_ns=item.mtime_ns)
        self._batch.append((picture, source))
        if len(self._batch) >= BATCH:
            self.flush()


def _unusable(item: Item, reason: str) -> Picture:
    return Picture(item.name, item.size, item.mtime_ns, "", 0, 0, "", "", 1, 1, reason)
