"""The offset of a server's clock and its error, from exchanges with it. No socket, no clock: times are arguments.

NTP's exchange (RFC 5905, section 8) with the server's two timestamps in one: the server tells its time once, somewhere
between our sending and our receiving, so the offset is uncertain by half the round trip and no more.
"""

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

__all__ = ["PHI", "Offset", "Probe", "Tracker", "estimate", "resolution"]

PHI = 15e-6
"""How much two clocks may drift apart, in seconds a second (RFC 5905, frequency tolerance)."""
LATEST_S = 1e11
"""No server's clock is past the year 5138: it counts milliseconds instead of seconds."""
STEPS_S = (1.0, 0.1, 0.01, 1e-3)
"""Steps that a server's clock may tell time in. Finer ones are not looked for: they would widen a bound by 0.1 ms."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One exchange: our monotonic clock when sending and receiving, the server's wall clock in between. Seconds."""

    sent: float
    received: float
    server: float

    @property
    def rtt(self) -> float:
        """The round trip, in seconds."""
        return self.received - self.sent


@dataclass(frozen=True, slots=True)
class Offset:
    """Server's wall clock − our monotonic clock, and the bound on its error. Seconds."""

    offset: float
    error: float
    rtt: float


def resolution(probes: Collection[Probe]) -> float:
    """The step (s) in which the server's clock seems to tell time; 0 if it is finer than a millisecond.

    One probe is enough to suspect it (a fine clock shows a whole millisecond one time in 500), more clear it up.
    """
    for step in STEPS_S:
        if all(abs(probe.server / step - round(probe.server / step)) < 1e-3 for probe in probes):  # noqa: PLR2004 - of a step; a float of today's date is good to 0.0003 ms
            return step
    return 0.0


def estimate(probes: Collection[Probe], now: float | None = None) -> Offset | None:
    """The best of several exchanges: the one with the smallest bound at `now` (its age adds PHI); None without any.

    The server told its time half-way through the exchange, give or take half the round trip. A clock that
    tells time in steps cuts off (the truth is up to a step later) or rounds (half a step either way), and nobody can
    tell which from outside: the bound covers both, from half a step earlier to a step later.
    """
    step = resolution(probes)
    best: Offset | None = None
    for probe in probes:
        age = max(0.0, now - probe.received) if now is not None else 0.0
        error = probe.rtt / 2 + step * 3 / 4 + age * PHI
        if best is None or error < best.error:
            best = Offset(probe.server + step / 4 - (probe.sent + probe.received) / 2, error, probe.rtt)
    return best


class Tracker:
    """Keeps the last exchanges and tells the offset at any moment.

    Bounds that hold can't contradict each other: where two do, a clock was set between them, or several clocks answer
    at one address. Then what was known before is forgotten.
    """

    def __init__(self, keep: int = 64) -> None:
        self._probes: deque[Probe] = deque(maxlen=keep)

    def add(self, probe: Probe) -> float:
        """Take an exchange in; by how much (s) it contradicts those before, which are dropped then; 0 if it doesn't.

        Raises:
            ValueError: it ended before it began, or the server's time can't be one.
        """
        if not 0.0 <= probe.rtt < math.inf:
            raise ValueError("an exchange ended before it began")
        if not 0.0 <= probe.server < LATEST_S:
            raise ValueError("not seconds since 1970")
        known, new = self.at(probe.received), estimate([probe])
        step = 0.0
        if known is not None and new is not None and abs(new.offset - known.offset) > known.error + new.error:
            step = abs(new.offset - known.offset)
            self._probes.clear()
        self._probes.append(probe)
        return step

    def at(self, now: float) -> Offset | None:
        """The best estimate at `now` (monotonic seconds); None without any exchange."""
        return estimate(self._probes, now)
