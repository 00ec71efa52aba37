"""Drives Ray Data, in a process of its own.

Ray schedules, and gives the batches of a worker that died to another one; what is here only says
what is to be done.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

from dataprep.cluster.request import Request
from dataprep.cluster.shape import Shape, shape
from dataprep.cluster.worker import Actor, Said, as_table
from dataprep.errors import DataprepError
from dataprep.inference import first_line

STORE_BYTES = 256 << 20
"""Shared memory of a cluster that is started here: what travels is small."""
CAUSE = "\n\nThe above exception was the direct cause"
KNOCK_SECONDS = 10
SHOWN = 300
"""Letters of Ray's own words."""


def drive(request: Request) -> Generator[Said, None, None]:
    """What the workers say, batch by batch. Raises ``DataprepError`` where Ray gives up."""
    with _cluster(request) as ray:
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        form = shape(nodes, request.workers, request.device)
        yield from _said(ray, request, form)


@contextmanager
def _cluster(request: Request) -> Iterator[Any]:
    """Ray, connected; a cluster that was started for this ends with it."""
    # its makers are told nothing. It is read when Ray is imported
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray

    options: dict[str, Any] = {"address": request.address}
    if not request.address:
        cores = max(os.cpu_count() or 1, request.workers)
        options = {"address": "local", "num_cpus": cores, "object_store_memory": STORE_BYTES}
        options["include_dashboard"] = False
    try:
        _knock(request.address)
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise _unreachable(request.address, error) from None
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise ``OSError`` or ``ValueError`` where nobody answers: Ray itself would try for ever."""
    host, colon, port = address.rpartition(":")
    if colon:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS).close()


def _unreachable(address: str, error: Exception) -> DataprepError:
    said = first_line(error)[:SHOWN]
    if address:
        return DataprepError(
            f"no Ray cluster can be reached at {address} ({said})",
            "`ray start --head --port=6379` starts one; see docs/cluster.md",
        )
    return DataprepError(f"Ray cannot be started here ({said})", "its logs are in /tmp/ray")


def _said(ray: Any, request: Request, form: Shape) -> Iterator[Said]:
    import ray.data as data
    from ray.data.exceptions import ExecutionTimeoutError, SystemException

    _quieten(data.DataContext.get_current())
    tables = [as_table([pickle.dumps(row)]) for row in enumerate(request.batches)]
    dataset = data.from_arrow(tables).map_batches(
        Actor,
        batch_size=1,
        batch_format="pyarrow",
        fn_constructor_args=(pickle.dumps(request.recipe), form.cores),
        compute=data.ActorPoolStrategy(size=min(form.workers, len(tables))),
        num_cpus=form.cores,
        num_gpus=form.gpus or None,
    )
    found = dataset.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0)
    try:
        for table in found:
            for row in table.column("row"):
                yield pickle.loads(row.as_py())
    except ExecutionTimeoutError:
        raise DataprepError(
            "the cluster has done nothing for half an hour, and was given up",
            "a picture may kill each worker that looks at it, or others hold its CPUs",
        ) from None
    except (ray.exceptions.RayError, SystemException) as error:
        raise DataprepError(
            f"the cluster gave up: {_words(error)}",
            "every machine needs the same lora-dataprep, Python and Ray; its logs are in /tmp/ray",
        ) from None


def _quieten(context: Any) -> None:
    """Bars and notes of Ray's own would get between ours."""
    context.enable_progress_bars = False
    warnings.filterwarnings("ignore", module=r"ray\.")
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _words(error: BaseException) -> str:
    """The line that counts of what Ray says: the end of the first of several tracebacks."""
    first = str(error).partition(CAUSE)[0]
    lines = [line.strip() for line in first.splitlines() if line.strip()]
    return (lines[-1] if lines else type(error).__name__)[:SHOWN]
