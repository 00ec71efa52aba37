"""Faces in photographs, by YuNet through OpenCV. Drawn faces are often missed.

YuNet: Wu, Peng, Yu, "YuNet: A Tiny Millisecond-level Face Detector", 2023.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from dataprep.decisions import Box
from dataprep.errors import DataprepError
from dataprep.focus.place import Focus, Size, grown
from dataprep.images import within
from dataprep.render import flatten
from dataprep.weights import FACES_SOURCE

SIDE = 640
"""YuNet sees a square of this side (pixels): the released file is made for no other, and not every
engine of OpenCV 5 lets it be changed."""
SURE, OVERLAP, MOST = 0.7, 0.3, 50
"""The score from which a face counts; how much two of them may overlap; how many are kept."""
HEAD = (0.35, 0.55, 0.35, 0.3)
"""What belongs to a head beyond its face's box, left, top, right, bottom, as shares of its sides:
the box ends at the forehead and the chin."""
THIRD = (0.5, 1 / 3)
"""A face looks well at a third of the height."""


@dataclass(frozen=True, slots=True)
class Face:
    """One face, in pixels of the picture."""

    left: float
    top: float
    width: float
    height: float
    score: float
    """0..1."""


class Detector:
    """A face detector for several threads: each has a network of its own. See ``opened``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # read here: OpenCV does not open every path that Python does
        self._model = np.frombuffer(path.read_bytes(), np.uint8)
        self._own = threading.local()

    def find(self, image: Image.Image, full: Size) -> list[Face]:
        """Faces in a picture, perhaps decoded at a fraction of ``full``; the leading one first."""
        import cv2

        seen = within(image.size, SIDE)
        canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
        rgb = np.asarray(flatten(image).resize(seen, Image.Resampling.BOX))
        canvas[: seen[1], : seen[0]] = rgb[..., ::-1]
        try:
            _, rows = self._network().detect(canvas)
        except cv2.error:
            raise DataprepError(
                f"{self._path}: OpenCV finds no faces with this file",
                f"it is cut short, or not a YuNet of 2023 or later, as from {FACES_SOURCE}",
            ) from None
        across, down = full[0] / seen[0], full[1] / seen[1]
        faces = [_face(row, across, down) for row in (rows if rows is not None else ())]
        return sorted(faces, key=lambda face: -face.width * face.height)

    def _network(self) -> Any:
        import cv2

        network = getattr(self._own, "network", None)
        if network is None:
            nothing = np.empty(0, np.uint8)
            network = cv2.FaceDetectorYN.create(
                "onnx", self._model, nothing, (SIDE, SIDE), SURE, OVERLAP, MOST
            )
            self._own.network = network
        return network


def _face(row: npt.NDArray[np.float32], across: float, down: float) -> Face:
    """A row of YuNet's: left, top, width, height, five points, score; in pixels of the picture."""
    left, top, width, height = (float(value) for value in row[:4])
    return Face(left * across, top * down, width * across, height * down, float(row[14]))


@contextmanager
def opened(path: Path) -> Iterator[Detector]:
    """A detector that works in its callers' threads alone: they are as many as the cores.

    Raises ``DataprepError`` when the file is not a YuNet of 2023 or later.
    """
    import cv2

    log = cv2.utils.logging
    threads, level = cv2.getNumThreads(), log.getLogLevel()
    cv2.setNumThreads(1)
    # OpenCV speaks of its own workings on stderr, and says there again what it raises
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        detector = Detector(path)
        detector.find(Image.new("RGB", (SIDE, SIDE)), (SIDE, SIDE))
        yield detector
    finally:
        cv2.setNumThreads(threads)
        log.setLogLevel(level)


def needed(full: Size) -> Size:
    """How large a picture must at least be decoded for its faces to be found."""
    return within(full, SIDE)


def on_face(face: Face, bounds: Box, margin: float) -> Focus:
    """The focus that holds a face's whole head, ``margin`` more on every side, at a third."""
    left, top, right, bottom = HEAD
    head = (
        round(face.left - left * face.width),
        round(face.top - top * face.height),
        round(face.left + (1 + right) * face.width),
        round(face.top + (1 + bottom) * face.height),
    )
    middle = (face.left + face.width / 2, face.top + face.height / 2)
    return Focus(grown(bounds, head, margin), middle, THIRD)
