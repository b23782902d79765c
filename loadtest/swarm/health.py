"""The generator about itself: hub lag, CPU, collector, descriptors, ports. Read once a second, sent with each Record.

What the kernel tells is read by vitals.py; how much of it is too much is decided by `loadtest.limits`.
"""

import gc
import resource
from collections.abc import Callable
from typing import Protocol

import gevent

from loadtest.clock import Clock
from loadtest.swarm import dial, vitals

__all__ = ["Health", "raise_descriptor_limit"]

TICK_S = 0.05
"""How often the hub is asked to run a timer; how late it does so is the lag."""

SHARE_S = 0.5
"""A share of CPU over less than this says nothing: the kernel accounts in ticks."""


class Times(Protocol):
    """What takes times (s) in: a Meter."""

    def record(self, seconds: float) -> None:
        """Count one."""


def raise_descriptor_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it.

    Locust raises it to 10,000 only, and container engines start processes at 1,024.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Growth:
    """How much a figure that only grows has grown since it was last asked for."""

    def __init__(self, read: Callable[[], float | None]) -> None:
        self._read = read
        self._last = read()

    def take(self) -> float | None:
        """Since the last call; None where the figure isn't known."""
        before, self._last = self._last, self._read()
        return None if before is None or self._last is None else max(0.0, self._last - before)


class Health:
    """Watches the hub of this process; `take()` reads and resets the second. Every lag is also recorded in `lags`."""

    def __init__(self, clock: Clock, lags: Times | None = None) -> None:
        self.clock = clock
        self._lags = lags
        self._lag_max = 0.0
        self._collecting = 0.0
        self._gc_max = 0.0
        self._cpu = Growth(vitals.cpu_seconds)
        self._wait = Growth(vitals.cpu_wait_seconds)
        self._throttled = Growth(vitals.throttled_seconds)
        self._socket_errors = Growth(lambda: float(dial.exhausted.total()))
        self._ports = vitals.Ports()
        self._since = clock.monotonic()
        self._due = self._since + TICK_S
        self._timer = gevent.get_hub().loop.timer(TICK_S, TICK_S)
        self._timer.start(self._tick)
        gc.callbacks.append(self._collected)

    def _tick(self) -> None:
        now = self.clock.monotonic()
        lag = max(0.0, now - self._due)
        self._lag_max = max(self._lag_max, lag)
        if self._lags is not None:
            self._lags.record(lag)
        self._due = now + TICK_S

    def _collected(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = self.clock.monotonic()
        else:
            self._gc_max = max(self._gc_max, self.clock.monotonic() - self._collecting)

    def take(self) -> dict[str, float]:
        """Of the time since the last call; what isn't known is left out.

        lag_max, gc_max: s, the longest; throttled: s; cpu, cpu_wait: share of one core, over at least SHARE_S;
        descriptors: open now; descriptors_share, ports_share: of what there may be; socket_errors: how many connections
        failed for want of something on this machine.
        """
        now = self.clock.monotonic()
        count = vitals.descriptors()
        taken: dict[str, float | None] = {
            "lag_max": self._lag_max,
            "gc_max": self._gc_max,
            "descriptors": float(count),
            "descriptors_share": count / max(1, resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
            "ports_share": self._ports.share(),
            "throttled": self._throttled.take(),
            "socket_errors": self._socket_errors.take() or None,
        }
        self._lag_max = self._gc_max = 0.0
        if (passed := now - self._since) >= SHARE_S:
            self._since = now
            cpu, wait = self._cpu.take(), self._wait.take()
            taken["cpu"] = None if cpu is None else cpu / passed
            taken["cpu_wait"] = None if wait is None else wait / passed
        return {name: value for name, value in taken.items() if value is not None}

    def close(self) -> None:
        """Watch no more."""
        gc.callbacks.remove(self._collected)
        self._timer.stop()
        self._timer.close()
