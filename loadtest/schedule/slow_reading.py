"""When a slow reader may take its next message: so many a second, with pauses. Arithmetic on times that are given."""

__all__ = ["BURST_S", "ReadingPace"]

BURST_S = 0.05
"""What a reader with a rate was too late for may be caught up, if it is no longer ago than this (s): timers are not
exact. In t seconds it takes rate · (t + BURST_S) + 1 messages at most."""


class ReadingPace:
    """One reader's, from when it began to read.

    With a rate (messages/s) it is the generic cell rate algorithm (ITU-T I.371, annex A) with BURST_S for its limit:
    what is not used is not saved up. With a pause, each `every` seconds end with `pause` seconds without reading.
    """

    __slots__ = ("_began", "_due", "_every", "_interval", "_reads")

    def __init__(self, began: float, rate: float | None = None, pause: float = 0.0, every: float = 0.0) -> None:
        """`pause` is less than `every`, or there is none (both 0)."""
        self._began = self._due = began
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._every = every
        self._reads = every - pause

    def wait(self, now: float) -> float:
        """Seconds until the next message may be taken; 0: now."""
        left = max(0.0, self._due - now)
        if not self._every:
            return left
        at = (now + left - self._began) % self._every
        return left if at < self._reads else left + self._every - at

    def take(self, now: float) -> None:
        """A message is taken now."""
        if self._interval:
            self._due = max(self._due, now - BURST_S) + self._interval
