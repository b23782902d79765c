"""Fills Locust's own statistics from Records, so that its page, CSV files and HTML report agree with ours.

Only delivery, connect and requests enter: gaps and pings would spoil Locust's "Aggregated" row. A message without a
send time counts with response time None.
"""

from locust.stats import RequestStats, StatsEntry, StatsError

from loadtest.histogram import Histogram
from loadtest.report.locust_history import MEASURES
from loadtest.results import Measured, Record

__all__ = ["fill"]


def fill(stats: RequestStats, record: Record, now: float) -> None:
    """Add a Record to Locust's tables, as of the wall clock `now` (s), as Locust does with a worker's report."""
    untimed = {group: counts["messages"] for group, counts in record.counters.items() if counts.get("messages")}
    for measured in record.series:
        if measured.measure not in MEASURES.get(measured.kind, ()):
            continue
        if measured.measure == "delivery":
            untimed[measured.group] = untimed.get(measured.group, 0) - measured.count
        _extend(stats, *_row(measured), _entry(stats, measured, int(now)))
    for group, count in untimed.items():
        if count > 0:
            plain = Measured(group, "websocket", "message", group, count, 0, 0, None)
            _extend(stats, *_row(plain), _entry(stats, plain, int(now)))
    _add_errors(stats, record, now)


def _row(measured: Measured) -> tuple[str, str]:
    """(name, type) of a series on Locust's page."""
    if measured.kind == "websocket":
        return f"{measured.measure} {measured.name}", "WS"
    method, _, path = measured.name.partition(" ")
    return (path, method) if path else (measured.name, "")


def _extend(stats: RequestStats, name: str, kind: str, entry: StatsEntry) -> None:
    stats.get(name, kind).extend(entry)
    stats.total.extend(entry)


def _entry(stats: RequestStats, measured: Measured, now: int) -> StatsEntry:
    """A second of one series as Locust keeps it: ms, and three digits where Locust keeps two."""
    entry = StatsEntry(stats, measured.name, measured.kind)
    times = Histogram.from_wire(measured.histogram) if measured.histogram is not None else Histogram()
    entry.start_time = stats.start_time
    entry.last_request_timestamp = float(now)
    entry.num_requests = measured.count
    entry.num_failures = measured.failures
    entry.num_none_requests = measured.count - times.count
    entry.num_reqs_per_sec[now] = measured.count
    if measured.failures:
        entry.num_fail_per_sec[now] = measured.failures
    entry.total_content_length = measured.size
    if times.count:
        # Locust annotates whole milliseconds; its arithmetic and its page take fractions as well.
        entry.total_response_time = times.total * 1000  # type: ignore[assignment]
        entry.min_response_time = (times.min or 0.0) * 1000  # type: ignore[assignment]
        entry.max_response_time = (times.max or 0.0) * 1000  # type: ignore[assignment]
        for seconds, count in times.buckets():
            entry.response_times[float(f"{seconds * 1000:.3g}")] += count  # type: ignore[index]
    return entry


def _add_errors(stats: RequestStats, record: Record, now: float) -> None:
    for group, errors in record.errors.items():
        for name, count in errors.items():
            error = stats.errors.setdefault(StatsError.create_key("", group, name), StatsError("", group, name))
            error.occurrences += count
            error.first_seen = error.first_seen or now
            error.last_seen = now
