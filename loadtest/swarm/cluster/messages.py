"""What master and workers say to each other, as checked values. No socket: Locust's runner carries them."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec

from loadtest.errors import WireError
from loadtest.results.record import Count, Finite, Record, Text
from loadtest.schedule import Arrivals, Piece, Plan

__all__ = [
    "PREFIX",
    "PROTOCOL",
    "Ack",
    "Begin",
    "ClockAsk",
    "ClockTell",
    "Drain",
    "Hello",
    "Leaving",
    "Link",
    "Rate",
    "Refused",
    "Rejoin",
    "Standing",
    "TakeTurn",
    "Welcome",
    "arrivals_of",
    "rates_of",
    "read",
    "records_of",
]

PREFIX = "loadtest."
"""What the names of our messages begin with on Locust's wire."""
PROTOCOL = 6
"""Raised when a message changes; a worker that speaks another is refused with a sentence."""


class Hello(msgspec.Struct, frozen=True):
    """Worker to master, on joining: what it is and what it would run."""

    protocol: Count
    version: Text
    digests: dict[Text, dict[Text, Text]]
    """profile -> section -> digest; a plain locustfile has no profiles"""
    run: Text | None = None
    """The run that it is in the middle of: its master has died, or took it for dead."""
    incarnation: Count = 0
    elapsed: Finite = 0.0
    """Seconds of run time, as it counts them."""
    users: dict[Text, Count] = {}
    """user class -> how many it runs"""


class Rejoin(msgspec.Struct, frozen=True):
    """Master to worker: it is not known here (the master is new); say hello again."""


class Welcome(msgspec.Struct, frozen=True):
    """Master to worker: it may take users."""

    index: Count
    run: Text | None = None
    """The run that is on. A worker in the middle of another one gives that up and says hello again."""


class Refused(msgspec.Struct, frozen=True):
    """Master to worker: it may not, and why. The worker ends."""

    reason: str


class Rate(msgspec.Struct, frozen=True):
    """A group's open arrivals: (start, end, before, after) of each piece of its rate, and when they are over (s)."""

    pieces: list[tuple[float, float, float, float]]
    end: float


class Begin(msgspec.Struct, frozen=True):
    """Master to worker: a run begins, or goes on since `elapsed` seconds.

    The same run with a higher incarnation: the worker was taken for dead and its users are placed on others. It lets
    its users go, closes the old life with a final Record, and says hello for the new one.
    """

    run: Text
    elapsed: float
    targets: list[str]
    profile: str | None = None
    rates: dict[Text, Rate] = {}
    """of each group of open arrivals"""

    incarnation: Count = 0
    ends: float | None = None
    """Seconds of run time at which the plan is over; a worker without a master goes no further."""


class TakeTurn(msgspec.Struct, frozen=True):
    """Master to worker: from `since` (s of run time) on, every `of`-th open arrival is yours, beginning at `rank`."""

    run: Text
    since: float
    rank: Count
    of: Count


class Ack(msgspec.Struct, frozen=True):
    """Master to worker: these Records are kept; forget them."""

    run: Text
    incarnation: Count
    serials: list[Count]
    durable: bool = True
    """On disk; False: only in the master's memory, because its disk fails."""


class Drain(msgspec.Struct, frozen=True):
    """Master to worker: the run is over; stop the users, then send the final Record."""

    run: Text


class Leaving(msgspec.Struct, frozen=True):
    """Worker to master: it was asked to end; it drains and should get no more users."""


class Standing(msgspec.Struct, frozen=True):
    """Worker to master, every other second of a run: what it was told last. What it has missed is said again."""

    run: Text
    incarnation: Count
    users: dict[Text, Count]
    """user class -> how many it was told to run"""
    turn: tuple[Finite, Count, Count] | None = None
    """since, rank and of the last TakeTurn"""


class ClockAsk(msgspec.Struct, frozen=True):
    """Worker to master: what is your monotonic time? `asked` is the worker's (s)."""

    asked: float


class ClockTell(msgspec.Struct, frozen=True):
    """Master to worker: its monotonic time (s) when it heard the question, and when it answered."""

    asked: float
    heard: float
    told: float


class Link(Protocol):
    """What carries a message: Locust's runner (a LocalRunner calls its own listeners)."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Send to a worker (master), to all of them (None), or to the master (worker)."""


def name_of(kind: type[msgspec.Struct]) -> str:
    """The name a message goes by on Locust's wire."""
    return f"{PREFIX}{kind.__name__.lower()}"


def send(link: Link, message: msgspec.Struct, to: str | None = None) -> None:
    """Send one message."""
    link.send_message(name_of(type(message)), msgspec.to_builtins(message), to)


def rates_of(plan: Plan) -> dict[str, Rate]:
    """A plan's open arrivals as workers are told of them."""
    return {
        name: Rate([(p.start, p.end, p.before, p.after) for p in arrivals.pieces], arrivals.end)
        for name, arrivals in plan.arrivals.items()
    }


def arrivals_of(rate: Rate) -> Arrivals:
    """The same as arithmetic knows it."""
    return Arrivals(tuple(Piece(*piece) for piece in rate.pieces), rate.end)


M = TypeVar("M", bound=msgspec.Struct)


def read(kind: type[M], wire: Any) -> M:
    """Check what arrived.

    Raises:
        WireError: it is not such a message.
    """
    try:
        return msgspec.convert(wire, kind)
    except (msgspec.ValidationError, RecursionError) as problem:
        raise WireError(f"not a {name_of(kind)}: {problem}") from None


def records_of(wire: Any, drop: Callable[[object], None]) -> list[Record]:
    """The Records of a message; `drop` is told of whatever in it is none."""
    if not isinstance(wire, list):
        drop("not a list of Records")
        return []
    records: list[Record] = []
    for item in wire:
        try:
            records.append(Record.from_wire(item))
        except WireError as problem:
            drop(problem)
    return records
