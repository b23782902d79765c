"""Which connections of one worker's audience count for a broadcast: arithmetic on when they joined and left.

Memory is bounded: who joined or left longer ago than broadcasts are waited for is only a number.
"""

from bisect import bisect_left
from operator import attrgetter

from loadtest.fanout.reports import Joined, Left

__all__ = ["MARGIN_US", "STAY_US", "Attendance"]

STAY_US = 2_000_000
"""A connection counts if it stayed open for this long past the broadcast's last receive."""
MARGIN_US = 5_000
"""A connection counts if it joined this long before the first receive: clocks move by less between two reports."""

_by_joined = attrgetter("joined")
_by_left = attrgetter("left")


class Attendance:
    """One worker's connections: (joined and still there) as a number, and those that came or went lately."""

    def __init__(self) -> None:
        self.through = 0
        """Everything up to this moment (µs of the master's clock) was told."""
        self.done = False
        """Nothing more will be told."""
        self._settled = 0
        self._joins: list[Joined] = []
        self._leaves: list[Left] = []
        self._gone: dict[int, Left] = {}

    def add(self, joined: list[Joined], left: list[Left]) -> None:
        """Take in who came and who went."""
        if joined:
            self._joins = sorted(self._joins + joined, key=_by_joined)
        if left:
            self._leaves = sorted(self._leaves + left, key=_by_left)
            self._gone.update({one.who: one for one in left})

    def covers(self, moment: int) -> bool:
        """Whether all up to a moment was told."""
        return self.done or self.through >= moment

    def count(self, first: int, last: int) -> int:
        """How many count for a broadcast: joined before `first`, and there for STAY_US past `last`."""
        early = bisect_left(self._joins, first - MARGIN_US, key=_by_joined)
        gone = bisect_left(self._leaves, last + STAY_US, key=_by_left)
        return self._settled + early - sum(left.joined < first - MARGIN_US for left in self._leaves[:gone])

    def uncounted(self, number: int, first: int, last: int) -> int:
        """How many got a broadcast (by its number on this worker) but do not count for it."""
        late = bisect_left(self._joins, first - MARGIN_US, key=_by_joined)
        latest = bisect_left(self._joins, last + 1, key=_by_joined)
        joined = sum(_has(number, self._gone.get(join.who, join)) for join in self._joins[late:latest])
        since = bisect_left(self._leaves, first, key=_by_left)
        until = bisect_left(self._leaves, last + STAY_US, key=_by_left)
        return joined + sum(
            left.joined < first - MARGIN_US and _has(number, left) for left in self._leaves[since:until]
        )

    def forget(self, before: int) -> None:
        """No broadcast that began before this moment will be asked about any more."""
        came = bisect_left(self._joins, before - MARGIN_US, key=_by_joined)
        gone = bisect_left(self._leaves, before, key=_by_left)
        self._settled += came - gone
        for left in self._leaves[:gone]:
            del self._gone[left.who]
        del self._joins[:came]
        del self._leaves[:gone]


def _has(number: int, who: Joined | Left) -> bool:
    """Whether a connection got a broadcast; one that is still there got all that came after it was last told of."""
    if number < who.first or (isinstance(who, Left) and number > who.highest):
        return False
    spans = who.missing
    return not any(low <= number <= high for low, high in zip(spans[::2], spans[1::2], strict=False))
