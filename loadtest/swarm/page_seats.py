"""The connections to the page's port: how many there may be, of whom, and how long each may keep us waiting.

A new connection is never refused while there is one that waits for its own peer: that one goes. So who sends a request
is answered, and who holds connections open loses them first. One address can only take places from itself.
"""

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

__all__ = ["Closed", "Limits", "Seat", "Seats"]

logger = logging.getLogger(__name__)

SAY_EVERY_S = 10.0


class Closed:
    """Why connections were closed on their peers, and how often. Counts anywhere, speaks where it may block."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.why: Counter[str] = Counter()
        self._now = now
        self._said = 0
        self._said_at = -math.inf

    def count(self, why: str) -> None:
        """Count one. Nothing is logged: this may be the hub, which may not wait for a handler's lock."""
        self.why[why] += 1

    def say(self, *, at_once: bool = False) -> None:
        """Log what is new, now and then: a flood must not become a flood of log lines."""
        total, now = self.why.total(), self._now()
        if total > self._said and (at_once or now - self._said_at >= SAY_EVERY_S):
            reasons = ", ".join(f"{count} {why}" for why, count in self.why.most_common())
            logger.warning("%d connections to the page were closed: %s", total, reasons)
            self._said, self._said_at = total, now


@dataclass(frozen=True, slots=True)
class Limits:
    """Connections at a time: all of them, and those of one address."""

    all: int = 512
    of_one: int = 64


@dataclass(eq=False, slots=True)
class Seat:
    """One connection. `hang_up` ends it, whatever it is at, without blocking."""

    owner: str
    hang_up: Callable[[], None]
    due: float
    """When it is hung up on, by the monotonic clock."""
    spare_from: float
    """From when on it may be hung up on in favour of another one."""
    what: str
    """What its peer owes us."""


class Seats:
    """All connections. `now` is monotonic, in seconds; `told` is called with why one was hung up on."""

    def __init__(self, limits: Limits, now: Callable[[], float], told: Callable[[str], None]) -> None:
        self._limits = limits
        self._now = now
        self._told = told
        self._taken: dict[str, dict[Seat, None]] = {}
        self.count = 0

    def take(self, owner: str, hang_up: Callable[[], None]) -> Seat | None:
        """Return a seat for a new connection; None: there is none, and none that could be had from another."""
        if len(self._taken.get(owner, ())) >= self._limits.of_one:
            if not self._free(self._taken[owner], "in favour of others of their address"):
                self._told("of an address that has too many at work")
                return None
        elif self.count >= self._limits.all:
            by_greed = sorted(self._taken.values(), key=len, reverse=True)
            if not any(self._free(seats, "in favour of others") for seats in by_greed):
                self._told("because all are at work")
                return None
        seat = Seat(owner, hang_up, math.inf, math.inf, "")
        self._taken.setdefault(owner, {})[seat] = None
        self.count += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """Give it back; once more is as good as once."""
        seats = self._taken.get(seat.owner, {})
        if seat in seats:
            del seats[seat]
            self.count -= 1
            if not seats:
                del self._taken[seat.owner]

    def has(self, seat: Seat) -> bool:
        """Whether it was neither given back nor hung up on."""
        return seat in self._taken.get(seat.owner, {})

    def expect(self, seat: Seat, what: str, seconds: float, grace: float = 0.0) -> None:
        """It waits for its peer now, for so long; after `grace` it may be ended in favour of another."""
        now = self._now()
        seat.what, seat.due, seat.spare_from = what, now + seconds, now + grace

    def work(self, seat: Seat) -> None:
        """It waits for us now, for as long as we take."""
        seat.due = seat.spare_from = math.inf

    def hang_up_overdue(self) -> None:
        """Hang up on those that took too long."""
        now = self._now()
        for seats in list(self._taken.values()):
            for seat in [seat for seat in seats if seat.due <= now]:
                self._end(seat, seat.what)

    def _free(self, seats: Iterable[Seat], why: str) -> bool:
        """Hang up on the one that kept us waiting for longest; False: none does."""
        first = min(seats, key=lambda seat: seat.spare_from)
        if first.spare_from > self._now():
            return False
        self._end(first, why)
        return True

    def _end(self, seat: Seat, why: str) -> None:
        self.leave(seat)
        seat.hang_up()
        if why:
            self._told(why)
