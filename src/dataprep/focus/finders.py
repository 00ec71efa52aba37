"""How each mode finds what a cut should show. A finder is called from several threads at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Box, Decisions
from dataprep.errors import DataprepError
from dataprep.focus import faces, saliency
from dataprep.focus.cut import Cutter
from dataprep.focus.place import Focus, grown, largest, on_box, size_of
from dataprep.focus.subject import subject_box
from dataprep.images import BadImage
from dataprep.jobs import Job, Progress
from dataprep.pool import ordered, threads
from dataprep.report import Issue
from dataprep.store import Picture

Finder = Callable[[Picture, Box], Focus | Issue]
"""What a cut inside some bounds should show, or why that is not known. Raises ``BadImage``."""


def by_saliency(dataset: Dataset, cutter: Cutter) -> Finder:
    """The liveliest place for the largest cut."""

    def find(picture: Picture, bounds: Box) -> Focus:
        full = (picture.width, picture.height)
        size = largest(bounds, cutter.size(*size_of(bounds)))
        if size == size_of(bounds):
            return on_box(bounds)  # there is only one place
        image = dataset.decode(picture, saliency.small(full))
        return saliency.liveliest(image, full, bounds, size)

    return find


def by_mask(dataset: Dataset, decisions: Mapping[str, Decisions], margin: float) -> Finder:
    """The subject of the mask that the background stage made, with its tools applied.

    Raises ``DataprepError`` when no picture has one.
    """
    if not any(decision.background for decision in decisions.values()):
        raise DataprepError("no picture has a foreground mask", "run `dataprep background` first")

    def find(picture: Picture, bounds: Box) -> Focus | Issue:
        background = decisions.get(picture.name, NOTHING).background
        if background is None or dataset.mask_file(picture, background.model) is None:
            reason = "has no foreground mask, and is cut from the centre; see `dataprep background`"
            return Issue(picture.name, "no-mask", reason, fatal=False)
        mask = dataset.render_mask(picture, Decisions(background=background))
        box = subject_box(mask, (picture.width, picture.height))
        if box is None:
            reason = "its mask is empty, and it is cut from the centre"
            return Issue(picture.name, "no-subject", reason, fatal=False)
        return on_box(grown(bounds, box, margin))

    return find


@contextmanager
def by_face(dataset: Dataset, model: Path, margin: float) -> Iterator[Finder]:
    """The largest face that YuNet is sure of. Raises ``DataprepError`` for a wrong file."""
    with faces.opened(model) as detector:

        def find(picture: Picture, bounds: Box) -> Focus | Issue:
            full = (picture.width, picture.height)
            found = detector.find(dataset.decode(picture, faces.needed(full)), full)
            inside = [face for face in found if _is_inside(face, bounds)]
            if not inside:
                reason = "no face was found, and it is cut from the centre"
                return Issue(picture.name, "no-face", reason, fatal=False)
            return faces.on_face(inside[0], bounds, margin)

        yield find


def look(
    pictures: Sequence[Picture], bounds: Mapping[str, Box], find: Finder
) -> Job[tuple[dict[str, Focus], list[Issue]]]:
    """What was found in the pictures, by name, and why nothing was in others."""
    focuses: dict[str, Focus] = {}
    issues: list[Issue] = []

    def work(picture: Picture) -> Focus | Issue:
        try:
            return find(picture, bounds[picture.name])
        except BadImage as error:
            return Issue(picture.name, "unreadable", error.message)

    with closing(ordered(pictures, work, threads(), 2 * threads())) as looked:
        for done, (picture, found) in enumerate(looked, start=1):
            if isinstance(found, Focus):
                focuses[picture.name] = found
            else:
                issues.append(found)
            yield Progress(done, len(pictures), f"looking at {picture.name}")
    return focuses, issues


def _is_inside(face: faces.Face, bounds: Box) -> bool:
    """Whether its middle is: outside, in a border that is trimmed, there are no faces."""
    x, y = face.left + face.width / 2, face.top + face.height / 2
    return bounds[0] <= x < bounds[2] and bounds[1] <= y < bounds[3]
