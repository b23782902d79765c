"""Which of the workers' observations are of the same broadcast: by sequence number, or by payload and time."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

from msgspec import structs

from loadtest.fanout.reports import Heard

__all__ = ["Identified", "Merged"]

FINISHED = 50_000
"""How many judged broadcasts are remembered, to know what comes too late for them."""
ANEW_US = 60_000_000
"""The same number and payload this long after is another broadcast: the server began anew."""
LEAST_US, MOST_US = 20_000, 2_000_000
"""Within how much of each other the workers' first receives of one broadcast are looked for, without a number."""


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
        return taken

    def _assemble(self, digest: int, before: int) -> list[Merged]:
        """Observations of one payload, nearest in time together, at most one of each worker in a broadcast.

        What began before the moment is put together with what all workers told until MOST_US after it.
        """
        seen = sorted(self._loose.pop(digest), key=lambda item: item[1].first)
        reach = _reach(seen)
        found: list[Merged] = []
        for i, (worker, heard) in enumerate(seen):
            joins = bool(found) and worker not in found[-1].got and heard.first - found[-1].first <= reach
            if not joins and heard.first >= before:
                self._loose[digest] = seen[i:]
                break
            if not joins:
                found.append(Merged(None, digest, heard.first, heard.last))
            found[-1].add(worker, heard)
            self._members[worker, heard.number] = found[-1]
        for merged in found:
            merged.again = merged.again or len(seen) > len(merged.got)
        return found

    def known_between(self, low: int, high: int) -> int:
        """How many numbers between two (both excluded) were got by somebody."""
        return sum(low < number < high for number in self._by_number)

    def oldest(self, default: int) -> int:
        """The beginning of the oldest broadcast that was not taken yet."""
        times = [m.first for m in self._untaken] + [h.first for seen in self._loose.values() for _, h in seen]
        return min(times, default=default)

    def done(self, merged: Merged) -> None:
        """It was judged: remember no more of it than that."""
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


def _reach(seen: list[tuple[str, Heard]]) -> float:
    """Half the least time between two observations of the same payload on one worker."""
    by_worker: dict[str, list[int]] = defaultdict(list)
    for worker, heard in seen:
        by_worker[worker].append(heard.first)
    spacing = min((b - a for firsts in by_worker.values() for a, b in pairwise(firsts)), default=2 * MOST_US)
    return min(max(spacing / 2, LEAST_US), MOST_US)
