"""Who missed how much over all workers: distributions over connections, and the worst of them by name."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from loadtest.fanout import KINDS, Worst
from loadtest.results.record import Record

__all__ = ["MissedBy", "Missing", "Named"]

WORST = 10


class Named(NamedTuple):
    """One of the worst connections; times in s of run time."""

    worker: str
    opened: int
    told: int
    connection: Worst


@dataclass(slots=True)
class MissedBy:
    """What the connections of one group missed."""

    spread: dict[str, Counter[int]] = field(default_factory=lambda: {kind: Counter() for kind in KINDS})
    """kind -> lower end of a bucket -> connections; the silence in ms"""
    sums: Counter[str] = field(default_factory=Counter)
    most: Counter[str] = field(default_factory=Counter)
    """kind -> the most of one connection"""

    def connections(self, kind: str) -> int:
        """How many missed any of this."""
        return sum(self.spread[kind].values())

    def rows(self, kind: str) -> list[tuple[int, int]]:
        """(lower end of a bucket, connections in it), ascending."""
        return sorted((low, count) for low, count in self.spread[kind].items() if count)


class Missing:
    """Every group of a run. Records may come in any order, each once."""

    def __init__(self) -> None:
        self._groups: dict[str, MissedBy] = defaultdict(MissedBy)
        self._worst: dict[tuple[str, int, str, str], tuple[int, list[Named]]] = {}

    def add(self, record: Record) -> None:
        """Take in what a worker told."""
        for report in record.fanout:
            missed = report.missed
            if missed is None:
                continue
            group = self._groups[report.group]
            for kind, low, by in missed.moved:
                group.spread[KINDS[kind]][low] += by
            group.sums.update(dict(zip(KINDS, missed.sums, strict=False)))
            for kind_name, most in zip(KINDS, missed.most, strict=True):
                group.most[kind_name] = max(group.most[kind_name], most)
            key = (record.worker, record.incarnation, report.group, report.target)
            if record.serial >= self._worst.get(key, (0, []))[0]:
                origin = report.through - (record.second + 1) * 1_000_000
                named = [
                    Named(record.worker, _second(each.opened, origin), _second(each.told, origin), each)
                    for each in missed.worst
                ]
                self._worst[key] = record.serial, named

    def of(self, group: str) -> MissedBy:
        """What the connections of a group missed."""
        return self._groups.get(group) or MissedBy()

    def worst(self, group: str) -> list[Named]:
        """The connections of a group that missed most, the worst first."""
        found = [named for key, (_, told) in self._worst.items() if key[2] == group for named in told]
        return sorted(found, key=lambda named: (*(-value for value in named.connection.rank), named.worker))[:WORST]


def _second(moment: int, origin: int) -> int:
    return max(0, moment - origin) // 1_000_000
