"""Summary: the sum of a run's Records, and the one description of a run that every page, file and SLO reads."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from loadtest.histogram import Histogram
from loadtest.results.record import Measured, Record

__all__ = ["Ledger", "Series", "SeriesKey", "Summary", "WorkerTotals"]


class SeriesKey(NamedTuple):
    """What a series is about."""

    group: str
    kind: str
    """websocket or rest"""
    measure: str
    """connect, delivery, gap, ping, service or response"""
    name: str


@dataclass(slots=True)
class Series:
    """Everything of one series: attempts (failures included), bytes, and the times in seconds of those that had one."""

    count: int = 0
    failures: int = 0
    size: int = 0
    histogram: Histogram = field(default_factory=Histogram)


@dataclass(slots=True)
class WorkerTotals:
    """What is known of one worker: how far its Records go, and its last and worst state."""

    serials: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    """incarnation -> the serials that arrived"""
    last_serial: dict[int, int] = field(default_factory=dict)
    """incarnation -> the serial of its final Record"""
    last_second: int = 0
    users: int = 0
    peak_users: int = 0
    messages: int = 0
    requests: int = 0
    worst: dict[str, float] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether the final Record of its latest life, and every one before it, have arrived."""
        latest = max(self.serials, default=0)
        last = self.last_serial.get(latest)
        return last is not None and len(self.serials[latest]) == last + 1


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every connection of a group went: attempted = established + failed + cancelled + pending."""

    attempted: int
    established: int
    failed: int
    cancelled: int
    closed_by_us: int
    closed_by_server: int
    closed_by_network: int

    @property
    def pending(self) -> int:
        """Attempts of which nothing more was heard (0 at the end of a complete run)."""
        return self.attempted - self.established - self.failed - self.cancelled

    @property
    def open(self) -> int:
        """Connections that nobody closed (0 at the end of a complete run)."""
        return self.established - self.closed_by_us - self.closed_by_server - self.closed_by_network

    @property
    def lost(self) -> int:
        """Connections that ended without our wish."""
        return self.closed_by_server + self.closed_by_network


class Summary:
    """The sum of Records. Adding one twice changes nothing; the order of arrival does not matter."""

    def __init__(self, run: str) -> None:
        self.run = run
        self.series: dict[SeriesKey, Series] = defaultdict(Series)
        self.counters: dict[str, Counter[str]] = defaultdict(Counter)
        self.errors: dict[str, Counter[str]] = defaultdict(Counter)
        self.kinds: dict[str, str] = {}
        self.workers: dict[str, WorkerTotals] = defaultdict(WorkerTotals)
        self.users_by_second: Counter[int] = Counter()
        self._clock_error = 0.0

    def add(self, record: Record) -> bool:
        """Take a Record in, once; False if it is another run's or is here already."""
        worker = self.workers[record.worker]
        if record.run != self.run or record.serial in worker.serials[record.incarnation]:
            return False
        worker.serials[record.incarnation].add(record.serial)
        if record.final:
            worker.last_serial[record.incarnation] = record.serial
        for measured in record.series:
            self._add_series(measured)
        for group, counts in record.counters.items():
            self.counters[group].update(counts)
            worker.messages += counts.get("messages", 0)
            worker.requests += counts.get("requests", 0)
        for group, counts in record.errors.items():
            self.errors[group].update(counts)
        self._add_state(worker, record)
        return True

    def _add_series(self, measured: Measured) -> None:
        key = SeriesKey(measured.group, measured.kind, measured.measure, measured.name)
        series = self.series[key]
        self.kinds[key.group] = key.kind
        series.count += measured.count
        series.failures += measured.failures
        series.size += measured.size
        if measured.histogram is not None:
            series.histogram.merge(Histogram.from_wire(measured.histogram))

    def _add_state(self, worker: WorkerTotals, record: Record) -> None:
        users = sum(gauges.get("users", 0) for gauges in record.gauges.values())
        self.users_by_second[record.second] += users
        worker.peak_users = max(worker.peak_users, users)
        if record.second >= worker.last_second:
            worker.last_second, worker.users = record.second, users
        for name, value in record.health.items():
            worker.worst[name] = max(value, worker.worst.get(name, value))
        self._clock_error = max(self._clock_error, record.health.get("clock_error", 0.0))

    @property
    def peak_users(self) -> int:
        """The most users that ran in any one second, over all workers."""
        return max(self.users_by_second.values(), default=0)

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

    def clock_error(self) -> float:
        """The widest bound (s) that any worker put on its offset to a target's clock."""
        return self._clock_error

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
