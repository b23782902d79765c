"""monitor/span.py: seconds are summed; states are the highest."""

import pytest
from monitored import measured, record, summed

from loadtest.monitor.span import Span


def spans() -> list[Span]:
    """Two workers in second 0, one in second 1; second 2 is empty."""
    summary = summed(
        record(
            0,
            measured("market", "delivery", [0.001, 0.002]),
            counters={"market": {"messages": 2}},
            gauges={"market": {"users": 3, "open": 2}},
            health={"cpu": 0.5, "lag_max": 0.01},
        ),
        record(
            0,
            measured("pollers", "response", [0.5], kind="rest"),
            worker="w2",
            counters={"pollers": {"requests": 7}},
            errors={"pollers": {"request: timeout": 4}},
            gauges={"pollers": {"users": 4}},
            health={"cpu": 0.25, "lag_max": 0.02},
        ),
        record(
            1,
            measured("market", "delivery", [0.003]),
            counters={"market": {"messages": 4}},
            gauges={"market": {"users": 5, "open": 5}},
        ),
    )
    return [Span.of(summary, n) for n in range(3)]


def test_a_second_has_the_sum_of_its_workers() -> None:
    first = spans()[0]
    assert (first.seconds, first.users, first.open, first.errors) == (1, 7, 2, 4)
    assert (first.cpu, first.lag) == (0.5, 0.02)  # the worst of both
    assert first.rate("market", "messages") == 2


def test_several_seconds_have_mean_rates_and_the_highest_states() -> None:
    total = Span.sum(spans())
    assert (total.first, total.seconds, total.users, total.open) == (0, 3, 7, 5)
    assert total.rate("websocket", "messages") == 2  # 6 in three seconds, of which one is empty
    assert total.rate(None, "requests") == pytest.approx(7 / 3, abs=0.005)
    assert total.errors == 4


def test_times_are_merged_and_not_averaged() -> None:
    merged = Span.sum(spans()).histogram("market", "delivery")
    assert merged.count == 3
    assert merged.percentile(100) == pytest.approx(0.003, rel=0.005)
    assert merged.percentile(50) == pytest.approx(0.002, rel=0.005)


def test_a_scope_is_a_group_a_kind_or_everything() -> None:
    total = Span.sum(spans())
    assert total.histogram("websocket", "delivery").count == 3
    assert total.histogram("rest", "delivery").count == 0
    assert total.counted("pollers", "requests") == total.counted("rest", "requests") == total.counted(None, "requests")


def test_nothing_has_no_rate() -> None:
    assert (Span.sum([]).seconds, Span.sum([]).rate(None, "messages")) == (0, 0.0)
