"""Who is told loss and learning rates while a run goes on: TensorBoard's event files, wandb.

Names are sd-scripts': ``loss/current``, ``loss/average``, ``lr/unet``, ``lr/textencoder`` …, and so
are the folders, so that runs of both lie beside each other in one chart.
"""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from dataprep.errors import DataprepError, UsageError
from train.config import TrainConfig

log = logging.getLogger("train")

FOLDER = "network_train"
"""Folder of the event files in that of the run, as sd-scripts names it."""
TIME = "%Y%m%d%H%M%S"
FLUSH_SECONDS = 10.0
"""So much of a chart a killed run may lose; what the run itself records is complete."""


class Tracker(Protocol):
    """Takes numbers by name, a set at each step."""

    name: str
    """As a person calls it."""
    failures: tuple[type[Exception], ...]
    """What may be raised when it cannot take them any more."""

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Take the numbers of a step."""

    def close(self) -> None:
        """Take no more, and write down what was taken."""


class TensorBoard:
    """One event file. Written by the run itself: a thread that dies would let it wait for ever."""

    name = "TensorBoard"
    failures: tuple[type[Exception], ...] = (OSError,)

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        from tensorboardX.event_file_writer import EventsWriter

        folder.mkdir(parents=True, exist_ok=True)
        self._writer = EventsWriter(str(folder / "events"))
        self._now = now
        self._flushed_at = now()

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Append one event with all values; every ten seconds they are brought to the disk."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        event = Event(wall_time=time.time(), step=step, summary=Summary(value=scalars))
        self._writer.write_event(event)
        if self._now() - self._flushed_at >= FLUSH_SECONDS:
            self._writer.flush()
            self._flushed_at = self._now()

    def close(self) -> None:
        """Bring everything to the disk."""
        self._writer.close()


class Wandb:
    """A run of Weights & Biases; nothing but the numbers is handed over."""

    name = "wandb"
    # its service, its network and its own checks fail in ways of their own
    failures: tuple[type[Exception], ...] = (Exception,)

    def __init__(self, project: str, run_name: str, folder: Path) -> None:
        try:
            wandb: Any = importlib.import_module("wandb")
        except ImportError as error:
            raise UsageError(
                f"log_with: wandb cannot be used here ({error})",
                'install it with pip install wandb, or set log_with = "tensorboard"',
            ) from None
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._run = wandb.init(project=project, name=run_name or None, dir=str(folder))
        except (wandb.errors.Error, OSError) as error:
            raise DataprepError(
                f"wandb takes no run ({error})",
                'run wandb login, set WANDB_MODE=offline, or set log_with = "tensorboard"',
            ) from None

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Hand the values over."""
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        """Wait until everything is handed over."""
        self._run.finish()


def open_trackers(
    config: TrainConfig, default_dir: Path | None, started_at: float
) -> list[Tracker]:
    """Those whom the config names.

    Event files go to ``logging_dir``, or else to ``default_dir`` if that folder exists, into
    ``PREFIX + local time / network_train``; without either there are none. ``started_at``: seconds
    since 1970. Raises ``UsageError`` when wandb is asked for and not installed, ``DataprepError``
    when one of them cannot begin.
    """
    found: list[Tracker] = []
    place = config.logging_dir
    if place is None and default_dir is not None and default_dir.is_dir():
        place = default_dir
    if config.log_with in ("tensorboard", "all") and place is not None:
        stamp = time.strftime(TIME, time.localtime(started_at))
        found.append(_tensorboard(place / f"{config.log_prefix}{stamp}" / FOLDER))
    if config.log_with in ("wandb", "all"):
        project = config.log_tracker_name or config.output_name
        found.append(Wandb(project, config.wandb_run_name, place or config.output_dir))
    return found


def _tensorboard(folder: Path) -> Tracker:
    try:
        return TensorBoard(folder)
    except OSError as error:
        raise DataprepError(
            f"{folder}: TensorBoard's file cannot be written ({error.strerror})",
            "set logging_dir to a folder that can be written to",
        ) from None


def tell(trackers: list[Tracker], step: int, values: Mapping[str, float]) -> None:
    """Let each tracker take a step's numbers; one that fails is named once and taken off the list.

    A chart is not worth a run.
    """
    for tracker in list(trackers):
        try:
            tracker.log(step, values)
        except tracker.failures as error:
            trackers.remove(tracker)
            log.warning("%s is told no more: %s", tracker.name, error)


def close(trackers: list[Tracker]) -> None:
    """Close them all and empty the list."""
    while trackers:
        tracker = trackers.pop()
        try:
            tracker.close()
        except tracker.failures as error:
            log.warning("%s: the last numbers may be missing: %s", tracker.name, error)
