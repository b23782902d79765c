"""Totals: sums over any part of a run, and every question that can be asked of them. Which part it is, is Summary's."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from loadtest.histogram import Histogram
from loadtest.results.ledger import Ledger
from loadtest.results.record import Record

__all__ = ["UNREAD", "Series", "SeriesKey", "Totals", "step_bound"]


UNREAD = "unread"
"""The gauge (bytes in the kernel) that groups have that read slowly, and no others."""


BY_SERVER_CLOCK = frozenset({"delivery", "freshness", "behind"})
"""What is reckoned from times that a server tells."""


class SeriesKey(NamedTuple):
    """What a series is about."""

    group: str
    kind: str
    """websocket or rest"""
    measure: str
    """connect, delivery, intake, freshness, gap, ping, skew, reconnect, behind, backlog, closed_after, service or
    response"""
    name: str


@dataclass(slots=True)
class Series:
    """Everything of one series: attempts (failures included), bytes, and the times in seconds of those that had one."""

    count: int = 0
    failures: int = 0
    size: int = 0
    histogram: Histogram = field(default_factory=Histogram)
    excluded: int = 0
    """Times that are not in `histogram`: their worker was over a limit in that second, and they can't be trusted."""
    step: float = 0
    """As in Measured, the widest."""

    def merge(self, other: "Series", *, timed: bool = True) -> None:
        """Add another's counts, and its times if they are to be trusted."""
        self.count += other.count
        self.failures += other.failures
        self.size += other.size
        self.excluded += other.excluded
        self.step = max(self.step, other.step)
        if timed:
            self.histogram.merge(other.histogram)
        else:
            self.excluded += other.histogram.count


def step_bound(health: Mapping[str, float]) -> float:
    """By how much (s) a time may be wrong that was taken before a step was noticed; 0 if there was none."""
    step = health.get("clock_step", 0.0)
    return step + health.get("clock_error", 0.0) if step else 0.0


class Totals:
    """Sums over worker-seconds. In no particular order, so that the order of arrival can't matter."""

    def __init__(self, seconds: Sequence[int] = ()) -> None:
        self.series: dict[SeriesKey, Series] = defaultdict(Series)
        self.counters: dict[str, Counter[str]] = defaultdict(Counter)
        self.errors: dict[str, Counter[str]] = defaultdict(Counter)
        self.kinds: dict[str, str] = {}
        self.slow: set[str] = set()
        """Groups that read slowly on purpose: what they get late, or not at all, is by design."""
        self._clock_error = self._skew_floor = 0.0
        self.seconds = seconds
        """The run seconds that it covers, ascending."""

    @classmethod
    def of(cls, record: Record, *, timed: bool = True) -> "Totals":
        """What one worker saw in one second; with its times left out if not `timed`."""
        totals = Totals()
        for measured in record.series:
            times = Histogram() if measured.histogram is None else Histogram.trusted(measured.histogram)
            key = SeriesKey(measured.group, measured.kind, measured.measure, measured.name)
            seen = Series(measured.count, measured.failures, measured.size, times, 0, measured.step)
            if timed and key not in totals.series:
                totals.series[key] = seen
            else:
                totals.series[key].merge(seen, timed=timed)
            totals.kinds[key.group] = key.kind
        for group, counts in record.counters.items():
            totals.counters[group].update(counts)
        for group, counts in record.errors.items():
            totals.errors[group].update(counts)
        totals.slow.update(group for group, gauges in record.gauges.items() if UNREAD in gauges)
        if timed:
            totals.note_clock_error(record.health.get("clock_error", 0.0))
        totals.note_clock_error(step_bound(record.health))
        return totals

    @classmethod
    def sum(cls, parts: Iterable["Totals"], seconds: Sequence[int]) -> "Totals":
        """Several, as one that covers `seconds`."""
        totals = Totals(seconds)
        for part in parts:
            totals.merge(part)
        return totals

    def merge(self, other: "Totals") -> Self:
        """Add another's sums; the seconds that this covers stay as they are."""
        for key, series in other.series.items():
            self.series[key].merge(series)
        for group, counts in other.counters.items():
            self.counters[group].update(counts)
        for group, counts in other.errors.items():
            self.errors[group].update(counts)
        self.kinds |= other.kinds
        self.slow |= other.slow
        self.note_clock_error(other.clock_error())
        self.note_skew_floor(other.skew_floor())
        return self

    def note_clock_error(self, bound: float) -> None:
        """Take a bound (s) on a worker's offset into account."""
        self._clock_error = max(self._clock_error, bound)

    def note_skew_floor(self, bound: float) -> None:
        """Take a bound (s) on the error of a skew into account."""
        self._skew_floor = max(self._skew_floor, bound)

    @property
    def at_full_speed(self) -> "Totals":
        """The same without the groups that read slowly: what an SLO is about that names no group."""
        if not self.slow:
            return self
        part, slow = Totals(self.seconds), self.slow
        part.series.update((key, series) for key, series in self.series.items() if key.group not in slow)
        part.counters.update((group, counts) for group, counts in self.counters.items() if group not in slow)
        part.errors.update((group, names) for group, names in self.errors.items() if group not in slow)
        part.kinds = {group: kind for group, kind in self.kinds.items() if group not in slow}
        part.note_clock_error(self._clock_error)
        part.note_skew_floor(self._skew_floor)
        return part

    def coarse(self) -> "Totals":
        """The same with coarser histograms."""
        totals = Totals(self.seconds).merge(self)
        for series in totals.series.values():
            series.histogram = series.histogram.coarse()
        return totals

    def select(self, scope: str | None, measure: str, name: str | None = None) -> Iterator[Series]:
        """The series of a scope (a group, a kind, or None for all), a measure, and a name (None for all)."""
        for key, series in self.series.items():
            in_scope = scope is None or scope in (key.group, key.kind)
            if in_scope and key.measure == measure and name in (None, key.name):
                yield series

    def histogram(self, scope: str | None, measure: str, name: str | None = None) -> Histogram:
        """The times of a scope and measure, merged, in seconds."""
        merged = Histogram()
        for series in self.select(scope, measure, name):
            merged.merge(series.histogram)
        return merged

    def attempts(self, scope: str | None, measure: str) -> int:
        """How many there were of a measure, those without a time included."""
        return sum(series.count for series in self.select(scope, measure))

    def clock_error(self) -> float:
        """The widest bound (s) that any worker put on its offset to a target's clock in these seconds."""
        return self._clock_error

    def skew_floor(self) -> float:
        """The widest error (s) of any skew in these seconds: how far two workers' clocks may be off from each other."""
        return self._skew_floor

    def error(self, scope: str | None, measure: str, name: str | None = None) -> float:
        """The bound (s) on the error of any of these times, of clocks and of steps in which a server tells times.

        0 for what one clock of ours alone timed.
        """
        if measure == "skew":
            return self.skew_floor()
        if measure not in BY_SERVER_CLOCK:
            return 0.0
        return self.clock_error() + max((series.step for series in self.select(scope, measure, name)), default=0.0)

    def completeness(self, scope: str | None = None) -> tuple[float | None, int]:
        """(deliveries made of those that were due, of how many were due); (None, 0) where that can't be told."""
        expected = self.counted(scope, "expected_deliveries")
        return (self.counted(scope, "counted_deliveries") / expected, expected) if expected else (None, 0)

    def counted(self, scope: str | None, name: str) -> int:
        """How many of a counter, in a group, a kind, or (None) everywhere."""
        return sum(counts[name] for group, counts in self.counters.items() if self._within(group, scope))

    def _within(self, group: str, scope: str | None) -> bool:
        return scope is None or scope in (group, self.kinds.get(group))

    def ledger(self, scope: str | None = None) -> Ledger:
        """Where the WebSocket connections of a scope went."""
        return Ledger(
            attempted=self.counted(scope, "connects"),
            established=self.counted(scope, "connected"),
            failed=self.counted(scope, "connects_failed"),
            cancelled=self.counted(scope, "connects_cancelled"),
            closed_by_us=self.counted(scope, "closed_by_us"),
            closed_by_server=self.counted(scope, "closed_by_server"),
            closed_by_network=self.counted(scope, "closed_by_network"),
        )

    def error_ratio(self, scope: str | None) -> tuple[float | None, int]:
        """The worst of three shares, and of how many: a million good messages must not hide failed connects.

        Connects that failed, ended against our wish or by a breach of the protocol, or fell silent; requests that
        failed; messages that were bad.
        (None, 0) where nothing was attempted.
        """
        ledger = self.ledger(scope)
        unwell = ledger.failed + ledger.lost
        unwell += self.counted(scope, "violations") + self.counted(scope, "silences")
        bad = self.counted(scope, "bad_messages")
        shares = [
            (min(unwell, ledger.attempted), ledger.attempted),
            (self.counted(scope, "requests_failed"), self.counted(scope, "requests")),
            (bad, bad + self.counted(scope, "messages") + self.counted(scope, "not_data")),
        ]
        tried = [(failed / attempted, attempted) for failed, attempted in shares if attempted]
        return max(tried, default=(None, 0))
