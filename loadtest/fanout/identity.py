"""Which of the workers' observations are of the same broadcast: by sequence number, or by payload and time."""

from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field

from msgspec import structs

from loadtest.fanout.occurrences import LATE_US, Place, arrange
from loadtest.fanout.reports import Heard

__all__ = ["Identified", "Merged"]

FINISHED = 50_000
"""How many judged broadcasts are remembered, to know what comes too late for them."""
ANEW_US = 60_000_000
"""The same number and payload this long after is another broadcast: the server began anew."""
TOLD_US = 2_000_000
"""All workers have told what began until so long after the moment before which broadcasts are taken."""


@dataclass(slots=True, eq=False)
class Merged:
    """One broadcast over all workers; times in µs of the master's monotonic clock."""

    number: int | None
    """The server's sequence number."""
    digest: int
    first: int
    last: int
    got: dict[str, int] = field(default_factory=dict)
    """worker -> how many of its connections got it"""
    numbers: dict[str, int] = field(default_factory=dict)
    """worker -> its number there"""
    again: bool = False
    """The same bytes came before or after it: whose times these are can't be told for sure."""
    contested: bool = False
    """The same number came with another payload: each connection may be numbered by itself."""
    changed: bool = True
    judged: bool = False

    def add(self, worker: str, heard: Heard) -> None:
        """Take in what a worker saw of it."""
        self.first, self.last = min(self.first, heard.first), max(self.last, heard.last)
        self.got[worker] = self.got.get(worker, 0) + heard.got
        self.numbers[worker] = heard.number
        self.again = self.again or heard.again
        self.changed = True


class Identified:
    """Puts observations together. Without a number, those of a payload wait until all workers have told theirs."""

    def __init__(self) -> None:
        self._numbered: dict[tuple[int, int], Merged] = {}
        self._by_number: dict[int, Merged] = {}
        self._untaken: list[Merged] = []
        self._loose: dict[int, list[tuple[str, Heard]]] = defaultdict(list)
        self._members: dict[tuple[str, int], Merged] = {}
        self._finished: OrderedDict[tuple[int, int], int] = OrderedDict()
        self._past: dict[int, list[Merged]] = defaultdict(list)  # by payload: taken, judged or not, in the last LATE_US
        self._past_in_order: deque[Merged] = deque()

    def add(self, worker: str, heard: Heard) -> None:
        """Take in one observation; one of a broadcast that was judged already comes too late."""
        if heard.sequence:
            self._add_numbered(worker, heard)
        elif not heard.more:
            self._loose[heard.digest].append((worker, heard))
        elif (known := self._members.get((worker, heard.number))) is not None:
            known.add(worker, heard)
        else:
            self._amend(worker, heard)

    def _amend(self, worker: str, heard: Heard) -> None:
        seen = self._loose.get(heard.digest, [])
        for i, (sender, known) in enumerate(seen):
            if (sender, known.number) == (worker, heard.number):
                first, last = min(known.first, heard.first), max(known.last, heard.last)
                seen[i] = worker, structs.replace(known, first=first, last=last, got=known.got + heard.got)

    def _add_numbered(self, worker: str, heard: Heard) -> None:
        key = (heard.number, heard.digest)
        known = self._numbered.get(key)
        if known is None:
            if heard.first < self._finished.get(key, -ANEW_US) + ANEW_US:
                return
            known = self._numbered[key] = Merged(heard.number, heard.digest, heard.first, heard.last)
            other = self._by_number.get(heard.number)
            if other is not None:
                other.contested = known.contested = True
            self._by_number[heard.number] = known
            self._untaken.append(known)
        known.add(worker, heard)

    def take(self, before: int) -> list[Merged]:
        """The broadcasts that began before a moment and were not taken yet, in the order of their beginning."""
        for digest in list(self._loose):
            self._untaken += self._assemble(digest, before)
        taken = sorted((m for m in self._untaken if m.first < before), key=lambda merged: merged.first)
        self._untaken = [m for m in self._untaken if m.first >= before]
        self._forget(before - LATE_US)
        return taken

    def _assemble(self, digest: int, before: int) -> list[Merged]:
        """The new broadcasts of one payload. What comes late is added to one that was taken before.

        What began before the moment is put together with what all workers told until TOLD_US after it.
        """
        past: list[Merged] = self._past[digest]
        found: list[Merged] = []
        known = (Place(m.first, i, set(m.got)) for i, m in enumerate(past))
        places = arrange(known, self._loose.pop(digest), before + TOLD_US)
        waiting: list[tuple[str, Heard]] = []
        for place in places:
            ready = self._ready(place, before, {worker for worker, _ in waiting})
            waiting += [pair for pair in place.heard if pair not in ready]
            if ready and place.number is None:
                merged = Merged(None, digest, place.first, place.first)
                found.append(merged)
                self._join(merged, ready)
            elif ready and place.number is not None:
                self._join(past[place.number], ready)
        past += found
        for merged in past:
            merged.again = merged.again or len(places) > 1
        self._past_in_order.extend(found)
        if waiting:
            self._loose[digest] = waiting
        if not past:
            del self._past[digest]
        return found

    @staticmethod
    def _ready(place: Place, before: int, waiting: set[str]) -> list[tuple[str, Heard]]:
        """What is of this place for sure: no other worker may still tell of something that is nearer to it.

        A worker's observations keep their order, so one behind another that waits waits with it.
        """
        until = max(before, place.first + TOLD_US) if place.first < before else 0
        return [(worker, heard) for worker, heard in place.heard if heard.first < until and worker not in waiting]

    def _join(self, merged: Merged, ready: list[tuple[str, Heard]]) -> None:
        if merged.judged:  # too late
            return
        for worker, heard in ready:
            merged.add(worker, heard)
            self._members[worker, heard.number] = merged

    def _forget(self, before: int) -> None:
        """No observation that is told from now on can be of a broadcast that began before this."""
        past = self._past_in_order
        while past and (past[0].first < before or len(past) > FINISHED):
            digest = past.popleft().digest
            self._past[digest] = self._past[digest][1:]
            if not self._past[digest]:
                del self._past[digest]

    def known_between(self, low: int, high: int) -> int:
        """How many numbers between two (both excluded) were got by somebody."""
        return sum(low < number < high for number in self._by_number)

    def oldest(self, default: int) -> int:
        """The beginning of the oldest broadcast that was not taken yet."""
        times = [m.first for m in self._untaken] + [h.first for seen in self._loose.values() for _, h in seen]
        return min(times, default=default)

    def done(self, merged: Merged) -> None:
        """It was judged: remember no more of it than that."""
        merged.judged = True
        if merged.number is None:
            for worker, number in merged.numbers.items():
                self._members.pop((worker, number), None)
            return
        key = (merged.number, merged.digest)
        self._numbered.pop(key, None)
        if self._by_number.get(merged.number) is merged:
            del self._by_number[merged.number]
        self._finished[key] = merged.last
        while len(self._finished) > FINISHED:
            self._finished.popitem(last=False)
