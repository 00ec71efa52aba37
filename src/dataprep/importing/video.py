"""Frames of videos, by OpenCV; and which frames are worth keeping."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from dataprep.images import BadImage

SMALL = (32, 32)
"""Frames are compared at this size: grain and blocks of the codec are gone there."""
INSTANT = 1e-3
"""Times closer than this (seconds) are one: 1.9999 s is two seconds."""


class Novelty:
    """Tells frames that differ from the last one kept."""

    def __init__(self, threshold: float) -> None:
        """``threshold`` is a mean difference in levels, 0..255; 0 keeps everything."""
        self._threshold = threshold
        self._last: np.ndarray | None = None

    def __call__(self, image: Image.Image) -> bool:
        """Whether to keep this frame; one that is kept is the next one's measure."""
        if self._threshold <= 0:
            return True
        seen = image if image.mode == "RGB" else image.convert("RGB")
        small = np.asarray(seen.resize(SMALL, Image.Resampling.BOX), np.float32)
        if self._last is not None and np.abs(small - self._last).mean() < self._threshold:
            return False
        self._last = small
        return True


def frames(path: Path, every: float, max_pixels: int) -> Iterator[tuple[float, Image.Image]]:
    """A frame (RGB) every so many seconds, with its time; 0 gives all of them.

    Raises ``BadImage`` for what is no video, or too large a one.
    """
    video = _opened(path)
    try:
        import cv2

        width, height = (
            int(video.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width * height > max_pixels:
            raise BadImage(f"its frames are larger than {max_pixels // 1_000_000} megapixels")
        due, count = 0.0, 0
        while video.grab():
            # the time of the frame at hand: frame rates may vary, and containers lie about them
            seconds = max(0.0, video.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if seconds + INSTANT < due:
                continue
            whole, pixels = video.retrieve()
            if whole:
                count += 1
                due = ((seconds + INSTANT) // every + 1) * every if every else 0.0
                yield seconds, Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
        if not count:
            raise BadImage("no frame of it can be decoded")
    finally:
        video.release()


def _opened(path: Path) -> Any:
    # FFmpeg writes what it thinks of a file to stderr; OpenCV reads this when it loads it
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    video = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not video.isOpened():
        video.release()
        raise BadImage("not a video, or of a kind that OpenCV cannot read")
    return video


def time_label(seconds: float) -> str:
    """A time as part of a file's name: 75.4 gives ``00h01m15s400``."""
    whole = round(seconds * 1000)
    hours, minutes = whole // 3_600_000, whole // 60_000 % 60
    return f"{hours:02}h{minutes:02}m{whole // 1000 % 60:02}s{whole % 1000:03}"
