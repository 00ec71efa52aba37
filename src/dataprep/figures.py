"""Where the parts of the figure in a picture lie: by its foreground mask, else by its face."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from PIL import Image

from dataprep import views
from dataprep.dataset import NOTHING, Dataset
from dataprep.decisions import Background, Box, Decisions
from dataprep.errors import DataprepError
from dataprep.focus import faces
from dataprep.focus.subject import subject_box
from dataprep.report import Issue
from dataprep.store import Picture
from dataprep.weights import find_faces_model

TOP = 0.3
"""Share of a figure's height in which its head is looked for."""


class Figures:
    """Finds figures, from several threads at once. See ``opened``."""

    def __init__(
        self, dataset: Dataset, decisions: Mapping[str, Decisions], detector: faces.Detector | None
    ) -> None:
        self._dataset = dataset
        self._decisions = decisions
        self._detector = detector

    def parts(self, picture: Picture) -> dict[str, Box] | Issue:
        """Boxes of head, upper body and body, in pixels, or why they are not known.

        Only the body where the picture shows no more than a head. Raises ``BadImage``.
        """
        background = self._decisions.get(picture.name, NOTHING).background
        if background and self._dataset.mask_path(picture, background.model).is_file():
            return self._by_mask(picture, background)
        if self._detector is not None:
            return self._by_face(picture, self._detector)
        what = "has no foreground mask to go by; run `dataprep background` first"
        return Issue(picture.name, "no-mask", what, fatal=False)

    def _by_mask(self, picture: Picture, background: Background) -> dict[str, Box] | Issue:
        mask = self._dataset.render_mask(picture, Decisions(background=background))
        full = (picture.width, picture.height)
        figure = subject_box(mask, full)
        if figure is None:
            return Issue(picture.name, "no-subject", "its mask is empty", fatal=False)
        return {**views.figure_parts(figure, full, _head_middle(mask, figure)), "body": figure}

    def _by_face(self, picture: Picture, detector: faces.Detector) -> dict[str, Box] | Issue:
        full = (picture.width, picture.height)
        found = detector.find(self._dataset.decode(picture, faces.needed(full)), full)
        if not found:
            what = "has no foreground mask, and no face was found"
            return Issue(picture.name, "no-face", what, fatal=False)
        whole = (0, 0, *full)
        return {**views.head_parts(faces.on_face(found[0], whole, 0).box, full), "body": whole}


@contextmanager
def opened(dataset: Dataset, decisions: Mapping[str, Decisions]) -> Iterator[Figures]:
    """Figures by their masks, and by their faces where a model that finds them is at hand."""
    try:
        model = find_faces_model()
    except DataprepError:
        # masks are the better guide, and may be there for all
        yield Figures(dataset, decisions, None)
        return
    with faces.opened(model) as detector:
        yield Figures(dataset, decisions, detector)


def _head_middle(mask: Image.Image, figure: Box) -> float:
    """Where the most of a figure's top is, from left to right (pixels)."""
    left, top, right, bottom = figure
    part = mask.crop((left, top, right, top + max(1, round(TOP * (bottom - top)))))
    weights = np.asarray(part, np.float64).sum(axis=0)
    return left + 0.5 + float(np.average(np.arange(len(weights)), weights=weights))
