"""Gives work to a cluster and takes what comes back, batch by batch.

Ray lives in a process of its own: it can be stopped at any moment, and neither its threads nor
what it prints get into ours.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Generator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from dataprep.cluster.engine import Engine
from dataprep.cluster.request import Request, from_text
from dataprep.cluster.worker import Landed, Recipe
from dataprep.errors import DataprepError
from dataprep.inference import Device
from dataprep.jobs import child, module_command

T = TypeVar("T")
R = TypeVar("R")

NEEDED = ("ray", "pyarrow", "pandas")
LEAST_BATCHES = 64
"""Into so many a run is cut, where it can be, so that all workers have something to do."""


def spread(
    engine: Engine, recipe: Recipe[T, R], items: Sequence[T], size: int, device: Device = "cpu"
) -> Generator[Landed[T, R] | None, None, None]:
    """What becomes of the items, in batches of at most ``size``, in no order.

    None after a silent moment, such as while workers load. Closing it ends the work. Raises
    ``DataprepError`` where Ray is missing, cannot be reached, or gives up.
    """
    require_ray()
    size = max(1, min(size, len(items) // LEAST_BATCHES))
    batches = tuple(tuple(items[start : start + size]) for start in range(0, len(items), size))
    request = Request(engine.address, engine.workers, device, recipe, batches)
    with tempfile.TemporaryDirectory(prefix="dataprep-") as folder:
        path = Path(folder) / "request"
        path.write_bytes(pickle.dumps(request))
        last = None
        with closing(child(module_command("dataprep.cluster", str(path)))) as job:
            for progress in job:
                # while the child is silent its last progress comes again
                if progress is last or "said" not in progress.facts:
                    yield None
                    continue
                last, said = progress, from_text(progress.facts["said"])
                if said.error is not None:
                    raise said.error
                pairs = tuple(zip(batches[said.place], said.results, strict=True))
                yield Landed(pairs, said.device, said.remark)


def require_ray() -> None:
    """Raise ``DataprepError`` where Ray Data is not installed."""
    if not all(find_spec(name) for name in NEEDED):
        raise DataprepError(
            "--engine ray needs Ray, which is not installed",
            'pip install "lora-dataprep[ray]", here and on every machine of the cluster',
        )
