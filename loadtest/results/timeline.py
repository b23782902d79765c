"""A run second by second, over all workers, packed, so that any part of it can be summed again.

Its histograms are coarse (`Histogram.coarse`): eight hours of them must fit into the master's memory.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from loadtest.results.packing import HEALTH_DIGITS, Packer
from loadtest.results.record import Record
from loadtest.results.totals import Totals

__all__ = ["Phase", "Second", "Timeline"]

Phase = Literal["ramp-up", "plateau", "ramp-down"]

PHASES: tuple[Phase, ...] = ("ramp-up", "ramp-down", "plateau")
"""In the order of which a second belongs to that has parts of two."""
OPEN_SECONDS = 4
"""So many of the latest seconds are kept unpacked: workers tell of a second within moments of each other."""


@dataclass(slots=True)
class Second:
    """One run second, from `second` to `second` + 1, over all workers that reported it."""

    second: int
    phase: Phase
    totals: Totals = field(default_factory=Totals)
    gauges: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """group -> name (users, open) -> the state at the second's end, summed over workers"""
    health: dict[str, dict[str, float]] = field(default_factory=dict)
    """worker -> what it said of itself"""

    def gauge(self, name: str) -> int:
        """The sum of a gauge (users, open) over workers and groups, at the second's end."""
        return sum(gauges.get(name, 0) for gauges in self.gauges.values())

    def add(self, record: Record) -> None:
        """Take in what one worker said of itself; the sums come by `Timeline.amend`."""
        for group, gauges in record.gauges.items():
            self.gauges[group].update(gauges)
        known = self.health.setdefault(record.worker, {})
        for name, value in record.health.items():  # a worker may tell of a second twice: its last Record is cut short
            rounded = round(value, HEALTH_DIGITS)
            known[name] = max(rounded, known.get(name, rounded))


class Timeline:
    """Every second of a run, packed to some kB. Until it follows a plan, all of it is plateau."""

    def __init__(self) -> None:
        self._open: dict[int, Second] = {}
        self._packed: dict[int, bytes] = {}
        self._packer = Packer()
        self._phase_at: Callable[[float], Phase] = lambda _time: "plateau"
        self._length: float | None = None
        self._first = self._last = -1
        self._phases = bytearray()

    def follow(self, phase_at: Callable[[float], Phase], length: float) -> None:
        """Take the phases of a plan of `length` seconds. What comes later is the run's end, and no part of it."""
        self._phase_at = phase_at
        self._length = length

    def add(self, record: Record) -> None:
        """Take in a Record, but for its sums, which `amend` adds."""
        second = record.second
        if not self._open and not self._packed:
            self._first = second
        self._first, self._last = min(self._first, second), max(self._last, second)
        self._opened(second).add(record)
        self._pack()

    def amend(self, second: int, totals: Totals) -> None:
        """Add sums that were not known when the second was over, if there is anything of that second."""
        if second in self._open or second in self._packed:
            self._opened(second).totals.merge(totals.coarse())
            self._pack()

    def _opened(self, second: int) -> Second:
        if second not in self._open:
            self._open[second] = self[second]
            self._packed.pop(second, None)
        return self._open[second]

    def _pack(self) -> None:
        while len(self._open) > OPEN_SECONDS:
            oldest = min(self._open)
            self._packed[oldest] = self._packer.pack(self._open.pop(oldest))

    @property
    def seconds(self) -> range:
        """The run seconds from the first to the last of which there is anything, those without included."""
        if self._first < 0:
            return range(0)
        end = self._last + 1
        return range(self._first, end if self._length is None else min(end, math.ceil(self._length)))

    @property
    def whole(self) -> Iterator[Second]:
        """Every second of which there is anything, those after the plan's end included."""
        return (self[second] for second in range(self._first, self._last + 1) if self._first >= 0)

    def phase(self, second: int) -> Phase:
        """The phase that a second belongs to: a ramp, if any of it does."""
        phases = self._phases
        if second >= len(phases):
            phases.extend(bytes(second + 1 - len(phases)))
        if not phases[second]:
            parts = {self._phase_at(second + part) for part in (0.0, 0.25, 0.5, 0.75, 0.999)}
            phases[second] = next(code for code, phase in enumerate(PHASES, 1) if phase in parts)
        return PHASES[phases[second] - 1]

    def __getitem__(self, second: int) -> Second:
        """What is known of a second; not to be changed."""
        if second in self._open:
            return self._open[second]
        found = Second(second, self.phase(second))
        if second in self._packed:
            self._packer.unpack(self._packed[second], found)
        return found

    def __iter__(self) -> Iterator[Second]:
        return (self[second] for second in self.seconds)

    @property
    def size(self) -> int:
        """Bytes that the packed seconds take."""
        return sum(map(len, self._packed.values()))
