"""Which observations of one payload, on several workers, are of the same broadcast, where no number tells.

A connection is in order (TCP), and so is a worker: its observations are laid beside those of the others in their order,
so that as little time as possible lies between those of one broadcast.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median_low

from loadtest.fanout.reports import Heard

__all__ = ["LATE_US", "Place", "arrange"]

LATE_US = 30_000_000
"""An observation so long after the first of a broadcast is none of it."""
LEAST_US = 20_000
"""What lies less apart can't be told from noise."""
CHUNK = 64
"""Observations of one worker that are fitted at a time; bounds the work."""


@dataclass(slots=True, eq=False)
class Place:
    """One occurrence of the payload: `number` is the caller's, None for one that was not known; times in µs."""

    first: int
    number: int | None = None
    workers: set[str] = field(default_factory=set)
    """Those that got it, `heard` included."""
    heard: list[tuple[str, Heard]] = field(default_factory=list)

    def add(self, worker: str, heard: Heard) -> None:
        """An observation of it."""
        self.first = min(self.first, heard.first)
        self.workers.add(worker)
        self.heard.append((worker, heard))


def arrange(known: Iterable[Place], seen: Iterable[tuple[str, Heard]], told: float = math.inf) -> list[Place]:
    """Lay observations beside the known occurrences and each other; those that fit none are new ones. In order of time.

    Two are of one occurrence if less than half of the usual time between two occurrences lies between them. On a worker
    that got several at once they were late (it stood still, or its way did): then they are the ones that it lacks, in
    order. A payload that came once is the same broadcast however late it is, up to LATE_US.

    What began from `told` (µs) on others may yet tell of: a late one of that time that finds no place is no sign that
    those before it are in the wrong ones.
    """
    places = sorted(known, key=_first)
    by_worker: dict[str, list[Heard]] = defaultdict(list)
    for worker, heard in seen:
        by_worker[worker].append(heard)
    for all_heard in by_worker.values():
        all_heard.sort(key=lambda heard: (heard.first, heard.number))
    spacing = _spacing(places, by_worker)
    crowds = {worker: _crowded(all_heard, spacing) for worker, all_heard in by_worker.items()}
    for worker in sorted(by_worker, key=lambda worker: (len(crowds[worker]), worker)):  # who was in time comes first
        all_heard, crowded = by_worker[worker], crowds[worker]
        for i in range(0, len(all_heard), CHUNK):
            chunk = all_heard[i : i + CHUNK]
            near = max(spacing / 2, LEAST_US)
            late = [i + j in crowded for j in range(len(chunk))]
            alone = [_alone(heard, told) if is_late else near for heard, is_late in zip(chunk, late, strict=True)]
            _fit(places, worker, chunk, alone, near)
            places.sort(key=_first)
    return places


def _first(item: Place | Heard) -> int:
    return item.first


def _spacing(places: Collection[Place], by_worker: dict[str, list[Heard]]) -> float:
    """The usual time (µs) between two occurrences: known ones, or as the worker that missed the fewest saw it."""
    firsts = [[place.first for place in places]]
    if len(places) < 2:  # noqa: PLR2004 - then there is nothing between them
        had = {worker: [place.first for place in places if worker in place.workers] for worker in by_worker}
        firsts = [had[worker] + [heard.first for heard in all_heard] for worker, all_heard in by_worker.items()]
    gaps = [[b - a for a, b in pairwise(sorted(each)) if b - a > LEAST_US] for each in firsts]
    if not any(gaps) and any(len(each) > 2 for each in firsts):  # noqa: PLR2004 - one gap may be a worker's that stood still
        return 2 * LEAST_US  # they come that often
    return min((median_low(each) for each in gaps if each), default=2 * LATE_US)


def _crowded(all_heard: Sequence[Heard], spacing: float) -> set[int]:
    """Which of a worker's observations have another one nearer than occurrences are."""
    found: set[int] = set()
    for i, (one, next_one) in enumerate(pairwise(all_heard)):
        if next_one.first - one.first < min(spacing, LATE_US) / 2:
            found |= {i, i + 1}
    return found


def _alone(late: Heard, told: float) -> float:
    """What it costs to take one of several that came at once for an occurrence that nobody else knows of."""
    return LATE_US if late.first < told else 0


def _apart(late: int, near: float) -> float:
    return abs(late) if late >= -near else math.inf


def _fit(places: list[Place], worker: str, chunk: Sequence[Heard], alone: Sequence[float], near: float) -> None:
    """Give each observation the place where it costs least: the time between the two, or `alone` for a new one.

    It may be late, but early only by `near`. A place that the worker did not get costs nothing. The order is kept, so
    this is an alignment of two sequences (Needleman and Wunsch, 1970).
    """
    start = 1 + max((i for i, place in enumerate(places) if worker in place.workers), default=-1)
    since, until = chunk[0].first - LATE_US, chunk[-1].first + near
    free = [place for place in places[start:] if since <= place.first <= until]
    apart = [[_apart(heard.first - place.first, near) for heard in chunk] for place in free]
    if len(free) == len(chunk) and all(apart[i][i] < alone[i] for i in range(len(chunk))):
        for place, heard in zip(free, chunk, strict=True):
            place.add(worker, heard)
        return
    costs = [[0.0] * (len(chunk) + 1) for _ in range(len(free) + 1)]
    for j, price in enumerate(alone):
        costs[0][j + 1] = costs[0][j] + price
    for i, times in enumerate(apart):
        above, row = costs[i], costs[i + 1]
        for j, time in enumerate(times):
            row[j + 1] = min(above[j + 1], row[j] + alone[j], above[j] + time)
    i, j = len(free), len(chunk)
    while j:
        if i and costs[i][j] == costs[i - 1][j]:
            i -= 1
        elif i and costs[i][j] == costs[i - 1][j - 1] + apart[i - 1][j - 1]:
            i, j = i - 1, j - 1
            free[i].add(worker, chunk[j])
        else:
            j -= 1
            place = Place(chunk[j].first)
            place.add(worker, chunk[j])
            places.append(place)
