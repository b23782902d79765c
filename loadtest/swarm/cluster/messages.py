"""What master and workers say to each other, as checked values. No socket: Locust's runner carries them."""

from typing import Any, Protocol, TypeVar

import msgspec

from loadtest.errors import WireError
from loadtest.results.record import Count, Text

__all__ = ["PROTOCOL", "Ack", "Begin", "Drain", "Hello", "Leaving", "Link", "Refused", "Welcome", "read"]

PROTOCOL = 1
"""Raised when a message changes; a worker that speaks another is refused with a sentence."""


class Hello(msgspec.Struct, frozen=True):
    """Worker to master, on joining: what it is and what it would run."""

    protocol: Count
    version: Text
    digests: dict[Text, dict[Text, Text]]
    """profile -> section -> digest; a plain locustfile has no profiles"""


class Welcome(msgspec.Struct, frozen=True):
    """Master to worker: it may take users."""

    index: Count


class Refused(msgspec.Struct, frozen=True):
    """Master to worker: it may not, and why. The worker ends."""

    reason: str


class Begin(msgspec.Struct, frozen=True):
    """Master to worker: a run begins, or goes on since `elapsed` seconds."""

    run: Text
    elapsed: float
    targets: list[str]
    profile: str | None = None


class Ack(msgspec.Struct, frozen=True):
    """Master to worker: these Records are kept; forget them."""

    run: Text
    incarnation: Count
    serials: list[Count]


class Drain(msgspec.Struct, frozen=True):
    """Master to worker: the run is over; stop the users, then send the final Record."""

    run: Text


class Leaving(msgspec.Struct, frozen=True):
    """Worker to master: it was asked to end; it drains and should get no more users."""


class Link(Protocol):
    """What carries a message: Locust's runner (a LocalRunner calls its own listeners)."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Send to a worker (master), to all of them (None), or to the master (worker)."""


def name_of(kind: type[msgspec.Struct]) -> str:
    """The name a message goes by on Locust's wire."""
    return f"loadtest.{kind.__name__.lower()}"


def send(link: Link, message: msgspec.Struct, to: str | None = None) -> None:
    """Send one message."""
    link.send_message(name_of(type(message)), msgspec.to_builtins(message), to)


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
