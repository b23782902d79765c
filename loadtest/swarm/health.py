"""The generator about itself: hub lag, CPU, descriptors. Read once a second on every worker, sent with each Record."""

import os
import resource

import gevent

from loadtest.clock import Clock

__all__ = ["Health", "raise_descriptor_limit"]

TICK_S = 0.05
"""How often the hub is asked to run a timer; how late it does so is the lag."""

SHARE_S = 0.5
"""A share of CPU over less than this says nothing: the kernel accounts in ticks."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it.

    Locust raises it to 10,000 only, and container engines start processes at 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _descriptors() -> int:
    """About how many descriptors are open: the lowest free number. Listing /proc/self/fd takes ms at 20,000."""
    try:
        lowest = os.dup(0)
    except OSError:
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.close(lowest)
    return lowest


class Health:
    """Watches the hub of this process; `take()` reads and resets the second."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._lag_max = 0.0
        self._cpu = self._cpu_seconds()
        self._since = clock.monotonic()
        self._due = self._since + TICK_S
        self._timer = gevent.get_hub().loop.timer(TICK_S, TICK_S)
        self._timer.start(self._tick)

    def _tick(self) -> None:
        now = self.clock.monotonic()
        self._lag_max = max(self._lag_max, now - self._due)
        self._due = now + TICK_S

    @staticmethod
    def _cpu_seconds() -> float:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def take(self) -> dict[str, float]:
        """lag_max: s since the last call; descriptors: open now; cpu: share of one core, over at least SHARE_S."""
        now, cpu = self.clock.monotonic(), self._cpu_seconds()
        taken = {"lag_max": self._lag_max, "descriptors": float(_descriptors())}
        self._lag_max = 0.0
        if now - self._since >= SHARE_S:
            taken["cpu"] = (cpu - self._cpu) / (now - self._since)
            self._cpu, self._since = cpu, now
        return taken

    def close(self) -> None:
        """Stop the timer."""
        self._timer.stop()
        self._timer.close()
