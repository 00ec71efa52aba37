"""How much memory the process has held at most, without a library for it."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

STATUS = Path("/proc/self/status")
MB = 1e6


def peak_mb(device: torch.device) -> float | None:
    """Megabytes: of the GPU's memory by torch, on a CPU the process's own; None if not known."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / MB, 1)
    peak = _of_process()
    return None if peak is None else round(peak / MB, 1)


def _of_process() -> int | None:
    """The process's peak in bytes."""
    try:
        # getrusage would count what the parent held when it started us
        for line in STATUS.read_bytes().splitlines():
            if line.startswith(b"VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return _windows() if sys.platform == "win32" else _posix()


def _posix() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _windows() -> int | None:
    import ctypes
    from ctypes import wintypes

    class Counters(ctypes.Structure):
        """PROCESS_MEMORY_COUNTERS."""

        _fields_ = (
            ("cb", wintypes.DWORD),
            ("PageFaultCount", wintypes.DWORD),
            *((f"size{number}", ctypes.c_size_t) for number in range(8)),
        )

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009
    kernel.GetCurrentProcess.restype = wintypes.HANDLE
    kernel.K32GetProcessMemoryInfo.argtypes = (wintypes.HANDLE, ctypes.c_void_p, wintypes.DWORD)
    process = kernel.GetCurrentProcess()
    if not kernel.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb):
        return None
    # the first of the sizes is PeakWorkingSetSize
    return int(counters.size0)
