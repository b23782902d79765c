"""swarm/tables.py: Locust's own statistics, filled from Records."""

from typing import Any

from locust.stats import RequestStats

import msgspec
import pytest

from loadtest.histogram import Histogram
from loadtest.results import Measured, Record
from loadtest.swarm.tables import Tables


def measured(kind: str, measure: str, name: str, *seconds: float, failures: int = 0) -> Measured:
    times = Histogram()
    for value in seconds:
        times.record(value)
    return Measured(
        "g", kind, measure, name, len(seconds) + failures, failures, 100, times.to_wire() if seconds else None
    )


def filled(*series: Measured, **rest: Any) -> RequestStats:
    stats = RequestStats()
    record = Record("r", "w", 0, 0, 0, list(series), {}, {}, {}, {})
    tables = Tables(stats)
    tables.fill(msgspec.structs.replace(record, **rest), now=1_000.5)
    tables.settle()
    return stats


def test_a_request_stands_under_its_method_and_path_with_times_in_ms() -> None:
    stats = filled(measured("rest", "response", "GET /a", 0.010, 0.020, 0.0304, failures=1))
    entry = stats.get("/a", "GET")
    assert (entry.num_requests, entry.num_failures, entry.total_content_length) == (4, 1, 100)
    assert entry.num_none_requests == 1  # the one without an answer has no time
    assert entry.max_response_time == pytest.approx(30.4, rel=1e-3)
    assert entry.min_response_time == pytest.approx(10.0, rel=1e-3)
    assert entry.avg_response_time == pytest.approx((10 + 20 + 30.4) / 3, rel=1e-3)
    assert entry.get_response_time_percentile(1.0) == pytest.approx(30.4, rel=5e-3)
    assert entry.num_reqs_per_sec == {1000: 4}
    assert stats.total.num_requests == 4


def test_delivery_and_connect_enter_and_gap_ping_and_service_do_not() -> None:
    stats = filled(
        measured("websocket", "delivery", "/ws", 0.005),
        measured("websocket", "connect", "/ws", 0.001),
        measured("websocket", "gap", "/ws", 0.5),
        measured("websocket", "ping", "/ws", 0.001),
        measured("rest", "service", "GET /a", 0.1),
    )
    assert {(entry.method, entry.name) for entry in stats.entries.values()} == {
        ("WS", "delivery /ws"),
        ("WS", "connect /ws"),
    }
    assert stats.total.num_requests == 2


def test_messages_without_a_send_time_count_without_a_response_time() -> None:
    stats = filled(measured("websocket", "delivery", "/ws", 0.005), counters={"g": {"messages": 4}})
    plain = stats.get("message g", "WS")
    assert (plain.num_requests, plain.num_none_requests) == (3, 3)
    assert stats.total.num_requests == 4


def test_errors_add_up_under_their_stable_names() -> None:
    stats = filled(errors={"g": {"connect: HTTP 403": 3}})
    Tables(stats).fill(Record("r", "w", 0, 1, 1, [], {}, {"g": {"connect: HTTP 403": 2}}, {}, {}), now=1_001.0)
    (error,) = stats.errors.values()
    assert (error.name, error.error, error.occurrences) == ("g", "connect: HTTP 403", 5)


def test_what_locust_keeps_for_ever_is_kept_as_long_as_it_is_read() -> None:
    """A minute of counts; copies of the times (for percentiles of now) only where they are shown; a bounded chart."""
    stats = RequestStats()
    stats.total.start_time = 1_000.0
    tables = Tables(stats)
    for second in range(200):
        stats.history.extend({"time": str(point)} for point in range(20 * second, 20 * second + 20))
        series = [measured("rest", "response", "GET /a", 0.010, failures=1)]
        tables.fill(Record("r", "w", 0, second, second, series, {}, {}, {}, {}), now=1_000.0 + second)
    tables.settle()
    row = stats.get("/a", "GET")
    for entry in (row, stats.total):
        assert (entry.num_requests, entry.num_failures) == (400, 200)
        assert len(entry.num_reqs_per_sec) == len(entry.num_fail_per_sec) == 61
        assert (entry.current_rps, entry.current_fail_per_sec) == (2.0, 1.0)
    assert row.response_times_cache is None
    assert stats.total.response_times_cache
    points = [int(point["time"]) for point in stats.history]
    assert len(points) < 2_020
    assert points == sorted(points)
    assert (points[0], points[-1]) == (0, 3_999)


def test_rows_keep_their_percentiles_of_now_for_locusts_full_history() -> None:
    stats = RequestStats()
    series = [measured("rest", "response", "GET /a", 0.010)]
    Tables(stats, every_second=True).fill(Record("r", "w", 0, 0, 0, series, {}, {}, {}, {}, final=True), now=1_000.0)
    assert stats.get("/a", "GET").response_times_cache


def test_a_second_of_all_workers_stands_there_when_the_next_begins_or_a_worker_ends() -> None:
    stats = RequestStats()
    tables = Tables(stats)
    series = [measured("rest", "response", "GET /a", 0.010)]
    record = Record("r", "w", 0, 0, 0, series, {}, {}, {}, {})
    for now in (1_000.1, 1_000.9, 1_001.2):
        tables.fill(record, now=now)
    assert stats.get("/a", "GET").num_reqs_per_sec == {1000: 2}
    tables.fill(msgspec.structs.replace(record, final=True), now=1_001.3)
    assert stats.get("/a", "GET").num_reqs_per_sec == stats.total.num_reqs_per_sec == {1000: 2, 1001: 2}
