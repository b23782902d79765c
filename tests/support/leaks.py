"""Waiting for what the loop still has to do, and counting what a test left open."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent

__all__ = ["nothing_left_open", "settle"]


def settle(condition: Callable[[], object], timeout: float = 5.0) -> None:
    """Let the loop run until the condition holds."""
    with gevent.Timeout(timeout):
        while not condition():
            gevent.sleep(0.002)


def descriptors() -> int:
    """How many this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


@contextmanager
def nothing_left_open() -> Iterator[None]:
    """Fail unless, a little after the block, as few descriptors are open as before it."""
    gc.collect()
    before = descriptors()
    yield
    settle(lambda: descriptors() <= before)
