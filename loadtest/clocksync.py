"""The offset of a server's clock and its error, from exchanges with it. No socket, no clock: times are arguments.

NTP's exchange (RFC 5905, section 8) with the server's two timestamps in one: the server tells its time once, somewhere
between our sending and our receiving, so the offset is uncertain by half the round trip and no more.
"""

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from loadtest.steps import step_of

__all__ = ["LIKELY", "PHI", "Offset", "Probe", "Tracker", "estimate"]

PHI = 15e-6
"""How much two clocks that are looked after may drift apart, in seconds a second (RFC 5905, frequency tolerance)."""
LIKELY = 100e-6
"""How much two that nobody looks after may: what crystals are made to."""
MOST = 500e-6
"""How much a clock may that is being slewed (adjtimex(2)); one that goes further was set."""
LATEST_S = 1e11
"""No server's clock is past the year 5138: it counts milliseconds instead of seconds."""


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


def estimate(probes: Collection[Probe], now: float | None = None, drift: float = PHI) -> Offset | None:
    """The best of several exchanges: the one with the smallest bound at `now`; None without any.

    Its age adds `drift`, in seconds a second.

    The server told its time half-way through the exchange, give or take half the round trip. A clock that
    tells time in steps cuts off (the truth is up to a step later) or rounds (half a step either way), and nobody can
    tell which from outside: the bound covers both, from half a step earlier to a step later.
    """
    step = step_of(probe.server for probe in probes)  # one is enough to suspect it, more clear it up
    best: Offset | None = None
    for probe in probes:
        age = max(0.0, now - probe.received) if now is not None else 0.0
        found = _of(probe, step)
        error = found.error + age * drift
        if best is None or error < best.error:
            best = Offset(found.offset, error, probe.rtt)
    return best


def _of(probe: Probe, step: float) -> Offset:
    middle = (probe.sent + probe.received) / 2
    return Offset(probe.server + step / 4 - middle, probe.rtt / 2 + step * 3 / 4, probe.rtt)


class Tracker:
    """Keeps the last exchanges and tells the offset at any moment.

    Bounds that hold can't contradict each other: where two do, a clock was set between them, or several clocks answer
    at one address. Then what was known before is forgotten. What a slewed clock does meanwhile is followed: how far
    two exchanges are apart at most, by the time between them, is the most that the clocks drift.
    """

    def __init__(self, keep: int = 64) -> None:
        self._probes: deque[Probe] = deque(maxlen=keep)
        self._drift = LIKELY

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
            if step > MOST * (probe.received - self._probes[-1].received) + known.error + new.error:
                self._probes.clear()
        self._probes.append(probe)
        self._drift = self._most_drift()
        return step

    def _most_drift(self) -> float:
        """How fast the clocks drift apart at most, as seen from the last exchange: PHI, if that is known by now."""
        coarse = step_of(probe.server for probe in self._probes)
        *others, latest = (_of(probe, coarse) for probe in self._probes)
        most, least = math.inf, 0.0
        for probe, other in zip(self._probes, others, strict=False):
            passed = self._probes[-1].received - probe.received
            if passed > 0:
                apart, unsure = abs(latest.offset - other.offset), latest.error + other.error
                most = min(most, (apart + unsure) / passed)
                least = max(least, (apart - unsure) / passed)
        return max(PHI, min(most, LIKELY if least < LIKELY else MOST))

    def at(self, now: float) -> Offset | None:
        """The best estimate at `now` (monotonic seconds); None without any exchange."""
        return estimate(self._probes, now, self._drift)
