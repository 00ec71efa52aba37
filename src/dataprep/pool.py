"""Threads that work a few items ahead of whoever takes the results."""

from __future__ import annotations

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_THREADS = 16


def threads() -> int:
    """How many threads decode pictures: as many as cores, within reason."""
    return min(os.cpu_count() or 1, MOST_THREADS)


TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Names of glibc's mallopt(3)."""
KEPT_FREE, KEPT_BLOCK = 64 << 20, 32 << 20
"""Bytes that are kept though they are free; blocks up to so many are."""


@cache
def keep_memory() -> None:
    """Let what one picture gives back serve the next, once a process, on Linux.

    Each step of a picture takes some megabytes and gives them back. Else glibc returns them to the
    system at once, and a third of the time goes into getting them again, page by page. Not before
    a network is loaded: what that gives back nobody takes.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none
        mallopt(MMAP_THRESHOLD, KEPT_BLOCK)
        mallopt(TRIM_THRESHOLD, KEPT_FREE)


def ordered(
    items: Iterable[T], work: Callable[[T], R], workers: int, ahead: int
) -> Generator[tuple[T, R], None, None]:
    """Each item with the result of ``work``, in order; at most ``ahead`` results wait.

    Closing it ends the threads: what has not begun never does. Wrap it in ``closing``.
    """
    pool = ThreadPoolExecutor(workers)
    waiting: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > ahead:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
