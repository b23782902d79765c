"""Who of an audience missed how much: what each connection lost, got twice or out of order, and its longest silence.

Told as changes of a distribution over connections, so that it can be added up in any order, what a worker told before
it died counts, and memory does not grow with connections or broadcasts; and the worst connections by name.
"""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec

from loadtest.fanout.broadcast import Follower

__all__ = ["KINDS", "QUIET_S", "WORST", "Missed", "Misses", "Worst", "bucket"]

KINDS = ("lost", "duplicated", "reordered", "silence")
WORST = 10
"""So many connections are told one by one."""
QUIET_S = 2.0
"""A silence (s) that is shorter is none."""
EXACT = 16

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Kind = Annotated[int, msgspec.Meta(ge=0, lt=len(KINDS))]


class Worst(msgspec.Struct, frozen=True, array_like=True):
    """One connection. Times in µs of the master's monotonic clock, the silence in ms."""

    who: Whole
    """Its number on its worker (from 0, those that got data); -1: it never got any."""
    opened: Whole
    told: Whole
    """When this was told: soon after the last that it missed."""
    lost: Count
    duplicated: Count
    reordered: Count
    silence: Count

    @property
    def rank(self) -> tuple[int, int, int]:
        """What makes one worse than another."""
        return self.lost, self.duplicated + self.reordered, self.silence


class Missed(msgspec.Struct, frozen=True, array_like=True):
    """What an audience missed since it was told of last; `most` and `worst` are since the beginning of its worker's."""

    moved: Annotated[list[tuple[Kind, Count, Whole]], msgspec.Meta(max_length=4096)]
    """(kind, lower end of a bucket, by how many more connections lie in it); those in bucket 0 are not told."""
    sums: tuple[Count, Count, Count]
    """Messages lost, duplicated, reordered since."""
    most: Annotated[list[Count], msgspec.Meta(min_length=len(KINDS), max_length=len(KINDS))]
    """The most of one connection, by kind (the silence in ms)."""
    worst: Annotated[list[Worst], msgspec.Meta(max_length=WORST)]


def bucket(value: int) -> int:
    """The lower end of a value's bucket: exact up to EXACT, then an eighth of it wide."""
    shift = max(0, value.bit_length() - 4) if value > EXACT else 0
    return value >> shift << shift


class Counts(Protocol):
    """What a group counts of it; a Tally does."""

    duplicated: int
    reordered: int


class Misses:
    """The connections of one audience that missed something."""

    def __init__(self) -> None:
        self._changed: set[Follower] = set()
        self._most = [0, 0, 0, 0]
        self._worst: dict[Follower, Worst] = {}

    def note(self, follower: Follower) -> None:
        """It missed something since it was told of."""
        self._changed.add(follower)

    def reordered(self, follower: Follower, counts: Counts) -> None:
        """A message came late."""
        follower.reordered += 1
        counts.reordered += 1
        self._changed.add(follower)

    def duplicated(self, follower: Follower, counts: Counts) -> None:
        """A message came twice."""
        follower.duplicated += 1
        counts.duplicated += 1
        self._changed.add(follower)

    def leave(self, follower: Follower, now: float) -> None:
        """It is gone: its longest silence is known."""
        self.quiet(follower, now - follower.last)
        if _ms(follower.longest) != follower.told[3]:
            self._changed.add(follower)

    def quiet(self, follower: Follower, seconds: float) -> None:
        """It has been silent for so long; looked at now and then, so the silence may last on."""
        if seconds >= QUIET_S and seconds > follower.longest:
            follower.longest = seconds
            if bucket(_ms(seconds)) != bucket(follower.told[3]):
                self._changed.add(follower)

    def take(self, now: float, us: Callable[[float], int]) -> Missed | None:
        """What changed since the last call; None if nothing did. `us` gives the master's time (µs)."""
        if not self._changed:
            return None
        moved: Counter[tuple[int, int]] = Counter()
        sums = [0, 0, 0, 0]
        for follower in self._changed:
            values = (follower.lost, follower.duplicated, follower.reordered, _ms(follower.longest))
            for kind, (before, value) in enumerate(zip(follower.told, values, strict=True)):
                sums[kind] += value - before
                moved[kind, bucket(value)] += 1
                moved[kind, bucket(before)] -= 1
            follower.told = values
            who = -1 if follower.joined is None else follower.who
            self._worst[follower] = Worst(who, us(follower.since), us(now), *values)
            self._most = [max(pair) for pair in zip(self._most, values, strict=True)]
        self._changed.clear()
        kept = sorted(self._worst.items(), key=lambda item: item[1].rank, reverse=True)[:WORST]
        self._worst = dict(kept)
        changes = [(kind, low, by) for (kind, low), by in moved.items() if by and low]
        return Missed(changes, (sums[0], sums[1], sums[2]), list(self._most), list(self._worst.values()))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
