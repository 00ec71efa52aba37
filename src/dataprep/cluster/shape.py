"""How many workers a cluster gets, and how much of a machine each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataprep.errors import DataprepError, UsageError
from dataprep.inference import Device

CORES = 4
"""Of a machine for one worker without a GPU: beyond that a second copy of the model helps more."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The workers of a run."""

    workers: int
    cores: int
    """Of each."""
    gpus: int
    """Of each: 0 or 1."""


def shape(nodes: Sequence[Mapping[str, float]], workers: int, device: Device) -> Shape:
    """The workers for machines with these resources ("CPU", "GPU"); ``workers`` 0 chooses.

    A worker fits on every machine that is counted. Raises where there are too few.
    """
    graphics = [node for node in nodes if node.get("GPU", 0) >= 1 and node.get("CPU", 0) >= 1]
    if device == "cuda" and not graphics:
        raise DataprepError("no machine of the cluster has a GPU", "take --device cpu or auto")
    gpus = 1 if graphics and device != "cpu" else 0
    used = graphics if gpus else [node for node in nodes if node.get("CPU", 0) >= 1]
    if not used:
        raise DataprepError("the cluster has no machine with a CPU to work on", "see `ray status`")
    cores = min(CORES, *(int(node["CPU"]) for node in used))
    if gpus:
        cores = min(cores, *(int(node["CPU"] // node["GPU"]) or 1 for node in used))
    while workers > _places(used, cores, gpus) and cores > 1:
        cores -= 1
    most = _places(used, cores, gpus)
    if workers > most:
        what = "GPUs" if gpus else "CPUs"
        raise UsageError(f"workers: {workers} are asked for, but the cluster has {most} {what}")
    return Shape(workers or most, cores, gpus)


def _places(nodes: Sequence[Mapping[str, float]], cores: int, gpus: int) -> int:
    """How many workers of this kind fit on the machines."""
    return sum(
        min(int(node["CPU"] // cores), int(node["GPU"]) if gpus else int(node["CPU"]))
        for node in nodes
    )
