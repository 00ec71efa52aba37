"""What every benchmark says first: the machine and the versions it ran on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def heading(*packages: str) -> str:
    """One paragraph: processor, cores, system, Python and package versions."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = names[0].partition(":")[2].strip() if names else cpu
    versions = " · ".join(f"{name} {_version(name)}" for name in packages)
    python = platform.python_version()
    return f"{cpu}, {os.cpu_count()} cores, {platform.system()} · Python {python} · {versions}"


def median_seconds(run: Callable[[], object], runs: int = 5) -> float:
    """Median wall time of ``run``, in seconds."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
