"""What an audience is given from outside: what is known of a message's payload, and where counts go."""

from typing import Protocol

from loadtest.fanout.broadcast import Broadcast

__all__ = ["Counts", "Seen"]


class Counts(Protocol):
    """Where the counts of a group go; a Tally is one."""

    lost: int
    duplicated: int
    reordered: int
    sequence_restarts: int
    missed_meanwhile: int


class Seen(Protocol):
    """What is known of a message's payload; messages.Inspected is one."""

    sequence: int | None
    broadcast: Broadcast | None
