"""Messages that wait on purpose, in one line for all connections, and delivered to a fraction of a millisecond.

No sockets, no faults.

An event loop's timers are only as fine as a millisecond (uvloop's are whole milliseconds), which would be an error in
every test that takes an injected delay for the truth; so the last millisecond is spent asking the clock, once per
turn of the loop.
"""

import asyncio
import heapq
import time
from collections.abc import Callable
from typing import Protocol

__all__ = ["DelayLine"]

_COARSE = 0.0015  # s; what the loop's timers may be off

Deliver = Callable[[bytes], None]


class Handle(Protocol):
    """What a scheduled call can be asked for."""

    def cancel(self) -> None:
        """Don't call."""


class Scheduler(Protocol):
    """What is needed of an event loop."""

    def call_later(self, delay: float, callback: Callable[[], None], /) -> Handle:
        """Call back after `delay` seconds or so."""

    def call_soon(self, callback: Callable[[], None], /) -> Handle:
        """Call back in the next turn."""


class DelayLine:
    """Calls `deliver(frame)` at the time it is due, in order of time; of equals, in the order they came."""

    def __init__(self, loop: Scheduler | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._loop = loop
        self._clock = clock
        self._waiting: list[tuple[float, int, Deliver, bytes]] = []
        self._pushed = 0
        self._handle: Handle | None = None
        self._armed_for = float("inf")

    def push(self, due: float, deliver: Deliver, frame: bytes) -> None:
        """Let a frame wait until `due` (s, on the line's clock)."""
        self._pushed += 1
        heapq.heappush(self._waiting, (due, self._pushed, deliver, frame))
        if due < self._armed_for:
            self._arm()

    def _arm(self) -> None:
        loop = self._loop or asyncio.get_running_loop()
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = self._waiting[0][0]
        left = self._armed_for - self._clock()
        if left > _COARSE:
            self._handle = loop.call_later(left - _COARSE, self._run)
        else:
            self._handle = loop.call_soon(self._run)

    def _run(self) -> None:
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            _, _, deliver, frame = heapq.heappop(self._waiting)
            deliver(frame)
        self._armed_for = float("inf")
        if self._waiting:
            self._arm()
