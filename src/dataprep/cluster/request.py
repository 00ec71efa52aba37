"""What the driver's process is told and what it answers: pickled values of our own classes."""

from __future__ import annotations

import base64
import pickle
from dataclasses import dataclass
from typing import Any

from dataprep.cluster.worker import Recipe, Said
from dataprep.inference import Device


@dataclass(frozen=True, slots=True)
class Request:
    """A run on a cluster."""

    address: str
    """Of one that is running; empty: one is started here."""
    workers: int
    """0 chooses."""
    device: Device
    recipe: Recipe[Any, Any]
    batches: tuple[tuple[Any, ...], ...]


def as_text(said: Said) -> str:
    """What a worker said, for a line of JSON."""
    return base64.b64encode(pickle.dumps(said)).decode()


def from_text(text: str) -> Said:
    """The same, read back."""
    said: Said = pickle.loads(base64.b64decode(text))
    return said
