"""What a worker tells the master of its audiences once a second. Times are µs of the master's monotonic clock."""

from typing import Annotated, NamedTuple

import msgspec

from loadtest.fanout.misses import Missed

__all__ = ["AudienceReport", "Heard", "Joined", "Left", "Outcome"]

Count = Annotated[int, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(max_length=512)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Spans = Annotated[list[Whole], msgspec.Meta(max_length=256)]


class Heard(msgspec.Struct, frozen=True, array_like=True):
    """A broadcast that has been quiet for a while, or what came of it since it was told."""

    number: Whole
    """As Broadcast.number: only with `sequence` does it mean the same on all workers."""
    sequence: bool
    digest: Whole
    first: Whole
    last: Whole
    got: Count
    again: bool
    """The same payload had come before (without sequence numbers only)."""
    more: bool
    """It was told of before; `got` is what has been added."""


class Joined(msgspec.Struct, frozen=True, array_like=True):
    """A connection's first data message. `missing` is [low, high, …] of what it lacks between `first` and `highest`."""

    who: Count
    """The connection's number on this worker."""
    joined: Whole
    first: Whole
    highest: Whole
    missing: Spans


class Left(msgspec.Struct, frozen=True, array_like=True):
    """A connection that is gone."""

    who: Count
    joined: Whole
    left: Whole
    first: Whole
    highest: Whole
    missing: Spans


class AudienceReport(msgspec.Struct, frozen=True, array_like=True):
    """One group at one target, on one worker."""

    group: Text
    target: Text
    path: Text
    through: Whole
    """Everything up to this moment is told, but for joins and broadcasts of its last seconds."""
    error: Count
    """How far the times may be off from the master's (µs)."""
    certain: bool
    """The profile says that every message is a broadcast."""
    off: bool
    """Its messages are no broadcasts, or too many to follow."""
    heard: list[Heard]
    joined: list[Joined]
    left: list[Left]
    missed: Missed | None = None
    """What its connections missed; None: no more than was told."""
    late: Count = 0
    """By how much receive times that are not the kernel's may be late (µs); 0: all of them are."""


class Outcome(NamedTuple):
    """What became of a broadcast (or of `broadcasts` that nobody got)."""

    group: str
    path: str
    second: int
    """Of run time: when the first connection got it."""
    broadcasts: int = 1
    judged: bool = False
    """False: who should have got it can't be told."""
    expected: int = 0
    counted: int = 0
    skew: float | None = None
    """Seconds; None where it can't be told."""
    error: float = 0.0
    """How far (s) the skew may be off: by the clocks of two workers."""
    numbered: bool = False
