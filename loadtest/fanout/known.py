"""The broadcasts that a worker remembers of one audience: by number and payload, until nobody gets them any more."""

from collections.abc import Iterator
from hashlib import sha1
from statistics import median_low
from typing import TypeVar

from loadtest.fanout.broadcast import Broadcast, Follower

__all__ = ["KEEP_S", "MAX_OPEN", "Known"]

KEEP_S = 35.0
"""How long (s) a broadcast is remembered for those that get it late; longer than the master waits."""
MAX_OPEN = 32_768
"""Broadcasts that are remembered; a channel that needs more is not followed."""

CHAIN = 64
"""Repetitions of a payload that are looked back upon."""
LINKS = 8
"""Times between repetitions by which the usual one is known."""
ALIKE_S = 0.02
"""What lies less apart (s) came together: then a connection gets the one that it has lacked for longest."""

K = TypeVar("K")


class Known:
    """Broadcasts by sequence number and payload or, without a number, by payload alone: then the newest of it."""

    def __init__(self) -> None:
        self._newest: dict[tuple[int | None, int], Broadcast] = {}
        self._by_number: dict[int, Broadcast] = {}
        self._count = 0

    def find(self, sequence: int | None, payload: bytes, received: float, epoch: int) -> tuple[Broadcast, bool]:
        """(the broadcast of a message, whether this is the first message of it)."""
        key = (sequence, _digest(payload))
        known = self._newest.get(key)
        return (known, False) if known is not None else (self._add(key, received, epoch), True)

    def get(self, sequence: int | None, payload: bytes) -> Broadcast | None:
        """The broadcast of a message, if it is remembered."""
        return self._newest.get((sequence, _digest(payload))) if self._newest else None

    def repeat(self, newest: Broadcast, received: float) -> Broadcast:
        """The same payload was sent again, without a number."""
        broadcast = self._add((None, newest.digest), received, newest.epoch)
        if newest.last >= received - KEEP_S:
            broadcast.previous, broadcast.turn = newest, None
            broadcast.spacing = _spacing(broadcast)
        return broadcast

    def _add(self, key: tuple[int | None, int], received: float, epoch: int) -> Broadcast:
        if key[0] is None:
            self._count += 1
        number = self._count if key[0] is None else key[0]
        broadcast = Broadcast(number, key[1], received, epoch)
        self._newest[key] = self._by_number[number] = broadcast
        return broadcast

    def occurrence(self, follower: Follower, newest: Broadcast, received: float) -> Broadcast | None:
        """Which broadcast of these bytes a connection got; None: one that nobody had yet.

        That for which it is as late as with the one before. If it has had the newest, one that it lacks may come late,
        right behind another message; otherwise the bytes were sent again.
        """
        chain = self._chain(follower, newest)
        if newest.number < follower.first or follower.has(newest.number):
            late = [broadcast for broadcast in chain if broadcast.number in (follower.gaps or ())]
            return late[-1] if late and received - follower.last < newest.spacing / 2 else None
        before = self._by_number.get(follower.next - 1)
        usual = follower.last - before.first if before is not None else 0.0
        apart = [abs(received - broadcast.first - usual) for broadcast in chain]
        alike = min(apart) + ALIKE_S
        best = next(broadcast for broadcast, time in zip(reversed(chain), reversed(apart), strict=True) if time < alike)
        return None if best is newest and received - newest.first - usual > newest.spacing / 2 else best

    @staticmethod
    def _chain(follower: Follower, newest: Broadcast) -> list[Broadcast]:
        """The broadcasts of the same bytes that a connection could still get, from the newest back."""
        chain, candidate = [newest], newest.previous
        oldest = follower.first if follower.gaps else follower.next
        while candidate is not None and candidate.number >= oldest and len(chain) < CHAIN:
            if not follower.has(candidate.number):
                chain.append(candidate)
            candidate = candidate.previous
        return chain

    def numbered(self, number: int) -> Broadcast | None:
        """The newest broadcast of this number, if it is remembered."""
        return self._by_number.get(number)

    def __iter__(self) -> Iterator[Broadcast]:
        every = {id(b): b for b in self._newest.values()}
        every.update({id(b): b for b in self._by_number.values()})
        return iter(every.values())

    def clear(self) -> None:
        """Remember none."""
        self._newest.clear()
        self._by_number.clear()

    @property
    def overflowing(self) -> bool:
        """Whether there are more than can be followed."""
        return max(len(self._newest), len(self._by_number)) > MAX_OPEN

    def forget(self, now: float) -> None:
        """Drop what nobody got for KEEP_S, and the oldest of too many."""
        for key in _old(self._newest, now):
            del self._newest[key]
        for number in _old(self._by_number, now):
            self._by_number.pop(number).previous = None


def _digest(payload: bytes) -> int:
    """The same on all workers. Processors have SHA-1 built in: it takes less than half the time of others."""
    return int.from_bytes(sha1(payload, usedforsecurity=False).digest()[:8], "big", signed=True)


def _spacing(newest: Broadcast) -> float:
    """The usual time (s) between repetitions of a payload, without those that a worker that stood still got at once."""
    gaps: list[float] = []
    while newest.previous is not None and len(gaps) < LINKS:
        gap = newest.first - newest.previous.first
        newest = newest.previous
        if gap > ALIKE_S:
            gaps.append(gap)
    return median_low(gaps) if gaps else float("inf")


def _old(known: dict[K, Broadcast], now: float) -> list[K]:
    spare = len(known) - MAX_OPEN
    return [key for i, (key, b) in enumerate(known.items()) if i < spare or b.last < now - KEEP_S]
