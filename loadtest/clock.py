"""The one place that reads or spends time; everything else takes a Clock or plain numbers."""

import time
from typing import Protocol

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """What the swarm needs of time, all in seconds."""

    def monotonic(self) -> float:
        """Seconds that never step or run backwards; the zero means nothing."""

    def wall(self) -> float:
        """Seconds since the Unix epoch; may step."""

    def sleep(self, seconds: float) -> None:
        """Let `seconds` go by for the caller alone."""


class SystemClock:
    """This machine's clocks. Under gevent, `sleep` yields to the other greenlets (Locust patches `time.sleep`)."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)
    sleep = staticmethod(time.sleep)
