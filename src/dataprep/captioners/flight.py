"""Work in threads that is waited for in small pieces, so that whoever drives it can stop it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

POLL_SECONDS = 0.2
Landed = Generator[tuple[T, R] | None, None, None]


def in_flight(
    items: Iterable[T], work: Callable[[T], R], at_once: int, stop: Callable[[], object]
) -> Landed[T, R]:
    """Each item with the result of ``work`` as it comes; None after a silent moment.

    At most ``at_once`` are worked on. Closing it calls ``stop``, which must make work that has
    begun come to an end, and waits for that.
    """
    pool = ThreadPoolExecutor(at_once)
    flying: dict[Future[R], T] = {}
    try:
        for item in items:
            flying[pool.submit(work, item)] = item
            while len(flying) >= at_once:
                yield from _landed(flying)
        while flying:
            yield from _landed(flying)
    finally:
        stop()
        pool.shutdown(wait=True, cancel_futures=True)


def _landed(flying: dict[Future[R], T]) -> Landed[T, R]:
    done, _ = wait(flying, POLL_SECONDS, FIRST_COMPLETED)
    if not done:
        yield None
    for future in done:
        yield flying.pop(future), future.result()
