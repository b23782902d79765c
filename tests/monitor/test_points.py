"""monitor/points.py: one row of the timeline, figures worked out by hand."""

import pytest
from monitored import measured, record, summed

from loadtest.monitor.points import point_of
from loadtest.monitor.span import Span


def test_a_point_has_rates_percentiles_and_the_worst_states() -> None:
    summary = summed(
        record(
            0,
            measured("market", "delivery", [0.001 * n for n in range(1, 101)]),
            measured("market", "freshness", [0.3, 0.7]),
            measured("pollers", "response", [0.2, 0.4], kind="rest"),
            counters={"market": {"messages": 100, "expected_deliveries": 8, "counted_deliveries": 6}},
            errors={"pollers": {"request: timeout": 3}},
            gauges={"market": {"users": 4, "open": 3}},
            health={"cpu": 0.75, "lag_max": 0.0125},
        )
    )
    span = Span.sum(Span.of(summary, n) for n in range(4))
    point = point_of(span)
    assert (point.second, point.seconds, point.users, point.open) == (0, 4, 4, 3)
    assert (point.messages_per_s, point.errors_per_s, point.completeness) == (25, 0.75, 0.75)
    assert point.stream_p50_ms == pytest.approx(50, rel=0.005)
    assert point.stream_p99_ms == pytest.approx(99, rel=0.005)
    assert point.response_p95_ms == pytest.approx(400, rel=0.005)
    assert (point.cpu, point.lag_ms, point.skew_p95_ms) == (0.75, 12.5, None)
    assert point.freshness_p95_ms == pytest.approx(700, rel=0.005)
    assert point.groups["market"] == [25, pytest.approx(50, rel=0.005), pytest.approx(99, rel=0.005)]


def test_without_a_send_time_the_ping_stands_for_the_stream() -> None:
    summary = summed(record(0, measured("market", "gap", [0.5]), measured("market", "ping", [0.002])))
    point = point_of(Span.of(summary, 0))
    assert point.stream_p50_ms == pytest.approx(2, rel=0.005)
