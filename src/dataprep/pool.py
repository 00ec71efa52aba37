"""Threads that work a few items ahead of whoever takes the results."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

MOST_THREADS = 16


def threads() -> int:
    """How many threads decode pictures: as many as cores, within reason."""
    return min(os.cpu_count() or 1, MOST_THREADS)


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
