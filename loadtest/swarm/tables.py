"""Fills Locust's own statistics from Records, so that its page, CSV files and HTML report agree with ours.

Only delivery, connect and requests enter: gaps and pings would spoil Locust's "Aggregated" row. A message without a
send time counts with response time None.

Locust keeps more than anybody reads, and for ever: what is left out here would grow by MBs an hour.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache

from locust.stats import RequestStats, StatsEntry, StatsError

from loadtest.histogram import Histogram
from loadtest.report.locust_history import MEASURES
from loadtest.results import Measured, Record

__all__ = ["Tables"]

RATES_S = 60
"""How long the counts of a second are kept: Locust's rates of now are over the last 12."""
CHARTED = 1_000
"""Points of the charts of Locust's page; when there are twice as many, every other one goes."""


@dataclass(slots=True)
class _Row:
    """What came of one row in the second that is on, over all workers."""

    count: int = 0
    failures: int = 0
    size: int = 0
    times: Histogram = field(default_factory=Histogram)


class Tables:
    """Locust's statistics on a master. They are filled once a second, for all workers together.

    `every_second` keeps what Locust's percentiles of now are made of in each row, and not in "Aggregated" alone: 20
    copies of its times, which only --csv-full-history reads.
    """

    def __init__(self, stats: RequestStats, *, every_second: bool = False) -> None:
        self.stats = stats
        self._every_second = every_second
        self._second = 0
        self._rows: dict[tuple[str, str], _Row] = defaultdict(_Row)

    def fill(self, record: Record, now: float) -> None:
        """Take a Record in, as of the wall clock `now` (s), as Locust does with a worker's report.

        It is in the tables at the next `settle`: when a later second begins, or at the last Record of a worker.
        """
        if int(now) != self._second:
            self.settle()
            self._second = int(now)
            self._forget(self._second - RATES_S)
        untimed = {group: counts["messages"] for group, counts in record.counters.items() if counts.get("messages")}
        for measured in record.series:
            if measured.measure not in MEASURES.get(measured.kind, ()):
                continue
            if measured.measure == "delivery":
                untimed[measured.group] = untimed.get(measured.group, 0) - measured.count
            row = self._rows[_name(measured)]
            row.count += measured.count
            row.failures += measured.failures
            row.size += measured.size
            if measured.histogram is not None:
                row.times.merge(Histogram.trusted(measured.histogram))
        for group, count in untimed.items():
            if count > 0:
                self._rows[f"message {group}", "WS"].count += count
        _add_errors(self.stats, record, now)
        if record.final:
            self.settle()

    def settle(self) -> None:
        """Bring the tables up to date."""
        rows, self._rows = self._rows, defaultdict(_Row)
        for name, row in rows.items():
            self._add(*name, _entry(self.stats, row, self._second))

    def _add(self, name: str, kind: str, entry: StatsEntry) -> None:
        row = self.stats.get(name, kind)
        if row.use_response_times_cache and not self._every_second:
            row.use_response_times_cache = False
            row.response_times_cache = None
        row.extend(entry)
        self.stats.total.extend(entry)

    def _forget(self, before: int) -> None:
        """Keep no counts of seconds before this, and no more of the charts' points than can be seen."""
        for row in (self.stats.total, *self.stats.entries.values()):
            for counts in (row.num_reqs_per_sec, row.num_fail_per_sec):
                for second in [each for each in counts if each < before]:
                    del counts[second]
        history = self.stats.history
        if len(history) >= 2 * CHARTED:
            del history[1:-1:2]


def _name(measured: Measured) -> tuple[str, str]:
    """(name, type) of a series on Locust's page."""
    if measured.kind == "websocket":
        return f"{measured.measure} {measured.name}", "WS"
    method, _, path = measured.name.partition(" ")
    return (path, method) if path else (measured.name, "")


def _entry(stats: RequestStats, row: _Row, now: int) -> StatsEntry:
    """A second of one row as Locust keeps it: ms, and three digits where Locust keeps two."""
    entry = StatsEntry(stats, "", "")
    times = row.times
    entry.start_time = stats.start_time
    entry.last_request_timestamp = float(now)
    entry.num_requests = row.count
    entry.num_failures = row.failures
    entry.num_none_requests = row.count - times.count
    entry.num_reqs_per_sec[now] = row.count
    if row.failures:
        entry.num_fail_per_sec[now] = row.failures
    entry.total_content_length = row.size
    if times.count:
        # Locust annotates whole milliseconds; its arithmetic and its page take fractions as well.
        entry.total_response_time = times.total * 1000  # type: ignore[assignment]
        entry.min_response_time = (times.min or 0.0) * 1000  # type: ignore[assignment]
        entry.max_response_time = (times.max or 0.0) * 1000  # type: ignore[assignment]
        for seconds, count in times.buckets():
            entry.response_times[_key(seconds)] += count
    return entry


@lru_cache(maxsize=1 << 15)
def _key(seconds: float) -> int:
    """What times of a bucket are kept under: ms to three digits. There are no more buckets than are remembered."""
    return float(f"{seconds * 1000:.3g}")  # type: ignore[return-value] # as above


def _add_errors(stats: RequestStats, record: Record, now: float) -> None:
    for group, errors in record.errors.items():
        for name, count in errors.items():
            error = stats.errors.setdefault(StatsError.create_key("", group, name), StatsError("", group, name))
            error.occurrences += count
            error.first_seen = error.first_seen or now
            error.last_seen = now
