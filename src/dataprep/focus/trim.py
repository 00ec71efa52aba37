"""Borders of one colour: what is left of a picture without them."""

from __future__ import annotations

from collections.abc import Sequence

from dataprep.dataset import Dataset
from dataprep.decisions import Box
from dataprep.jobs import Job
from dataprep.looks import looks
from dataprep.report import Issue
from dataprep.store import Picture


def without_borders(
    dataset: Dataset, pictures: Sequence[Picture]
) -> Job[tuple[dict[str, Box], list[Issue]]]:
    """The inner box of every picture that can be read, by name, and why others have none."""
    seen, issues = yield from looks(dataset, pictures)
    boxes = {
        picture.name: inner(picture.width, picture.height, seen[picture.sha].measures.borders)
        for picture in pictures
        if picture.sha in seen
    }
    return boxes, issues


def inner(width: int, height: int, borders: tuple[int, int, int, int]) -> Box:
    """A picture without its borders (left, top, right, bottom, pixels)."""
    left, top, right, bottom = borders
    if left + right >= width or top + bottom >= height:
        return 0, 0, width, height
    return left, top, width - right, height - bottom
