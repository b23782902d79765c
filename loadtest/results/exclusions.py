"""Which worker-seconds were over a limit, so that their timings are left out, and whether too many of them were."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from loadtest.results.per_second import Marks

__all__ = ["Exclusion", "Exclusions"]

LONGEST_S = 3600
"""No Record speaks for more than that: workers keep an hour of them."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """How often one worker was over one limit, and how far."""

    worker: str
    limit: str
    seconds: int
    worst: float


@dataclass(slots=True)
class Exclusions:
    """Worker-seconds, and what they were over. The order in which they are noted does not matter."""

    told: dict[str, Marks] = field(default_factory=dict)
    """worker -> the seconds that are known of it"""
    over: dict[str, dict[int, dict[str, float]]] = field(default_factory=dict)
    """worker -> second -> limit -> the highest value"""

    def note(self, worker: str, second: int, over: Mapping[str, float], lag: float) -> None:
        """A worker told of a second. One whose hub stood still for `lag` seconds could not tell of those before."""
        told = self.told.setdefault(worker, Marks())
        length = max(1, math.floor(min(lag, LONGEST_S))) if over else 1
        covered = range(max(0, second + 1 - length), second + 1)
        told.update(covered)
        if over:
            seconds = self.over.setdefault(worker, {})
            for each in covered:
                known = seconds.setdefault(each, {})
                for name, value in over.items():
                    known[name] = max(value, known.get(name, value))

    def workers(self, second: int) -> list[str]:
        """Those of which the second's timings are left out."""
        return [worker for worker, seconds in self.over.items() if second in seconds]

    def counted(self, seconds: Collection[int]) -> tuple[int, int]:
        """(left out, all that are known) of the worker-seconds in `seconds`."""
        wanted = set(seconds)
        left_out = sum(len(wanted & over.keys()) for over in self.over.values())
        return left_out, sum(told.count(wanted) for told in self.told.values())

    def longest(self, seconds: Sequence[int]) -> tuple[int, str]:
        """(seconds on end, worker) of the longest stretch that was left out; (0, "") without any."""
        wanted = set(seconds)
        runs = [
            (length, worker) for worker, over in self.over.items() for length in _runs(sorted(wanted & over.keys()))
        ]
        return max(runs, default=(0, ""))

    def by_limit(self, seconds: Collection[int]) -> list[Exclusion]:
        """Each worker's limits that it was over, the most frequent first."""
        wanted = set(seconds)
        found = []
        for worker, over in self.over.items():
            values: dict[str, list[float]] = {}
            for second in wanted & over.keys():
                for limit, value in over[second].items():
                    values.setdefault(limit, []).append(value)
            found += [Exclusion(worker, limit, len(each), max(each)) for limit, each in values.items()]
        return sorted(found, key=lambda e: (-e.seconds, e.worker, e.limit))


def _runs(seconds: Sequence[int]) -> Iterator[int]:
    """The lengths of the stretches of consecutive seconds."""
    if not seconds:
        return
    length = 1
    for before, second in pairwise(seconds):
        if second != before + 1:
            yield length
            length = 0
        length += 1
    yield length
