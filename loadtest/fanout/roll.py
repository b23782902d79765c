"""Who of an audience joined and who left since the master was last told."""

from collections.abc import Callable

from loadtest.fanout.broadcast import Follower
from loadtest.fanout.reports import Joined, Left

__all__ = ["SETTLED_S", "Roll"]

SETTLED_S = 3.0
"""A connection that joined this long ago (s) is told to the master."""


class Roll:
    """Connections that joined (their first data message came) and that are gone, until they are told."""

    def __init__(self) -> None:
        self.attending = 0
        """How many have joined and are still there."""
        self._joined = 0
        self._unsettled: list[Follower] = []
        self._gone: list[tuple[Follower, float]] = []

    def join(self, follower: Follower, received: float) -> None:
        """Its first data message came; calling this again changes nothing."""
        if follower.joined is None:
            follower.joined, follower.who = received, self._joined
            self._joined += 1
            self.attending += 1
            self._unsettled.append(follower)

    def leave(self, follower: Follower, now: float) -> None:
        """It is gone."""
        if follower.joined is not None:
            self.attending -= 1
            self._gone.append((follower, now))

    def take(self, now: float, us: Callable[[float], int], *, final: bool) -> tuple[list[Joined], list[Left]]:
        """What is to be told now; `us` gives the master's time (µs)."""
        gone, self._gone = self._gone, []
        going = {id(follower) for follower, _ in gone}
        settled: list[Follower] = []
        rest: list[Follower] = []
        for follower in self._unsettled:
            due = final or id(follower) in going or _joined(follower) <= now - SETTLED_S
            (settled if due else rest).append(follower)
        self._unsettled = rest
        joined = [Joined(f.who, us(_joined(f)), *_reach(f)) for f in settled]
        return joined, [Left(f.who, us(_joined(f)), us(at), *_reach(f)) for f, at in gone]


def _joined(follower: Follower) -> float:
    return follower.joined or 0.0


def _reach(follower: Follower) -> tuple[int, int, list[int]]:
    missing = follower.gaps.spans() if follower.gaps else []
    return follower.first, follower.next - 1, missing
