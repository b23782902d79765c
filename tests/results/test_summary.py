"""results/summary.py: the sum of Records, whatever order they come in and however often."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.histogram import Histogram
from loadtest.limits import Limits
from loadtest.results import Measured, Record, Summary


def times_of(*seconds: float) -> list[Any]:
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    return histogram.to_wire()


def record(worker: str = "w1", serial: int = 0, **rest: Any) -> Record:
    base = Record("r1", worker, 0, serial, serial, [], {}, {}, {}, {})
    return msgspec.structs.replace(base, **rest)


def delivery(*seconds: float, group: str = "subscribers") -> Measured:
    return Measured(
        group, "websocket", "delivery", "/ws/market", len(seconds), 0, 100 * len(seconds), times_of(*seconds)
    )


def requests(name: str, *seconds: float, failures: int = 0) -> Measured:
    return Measured("pollers", "rest", "response", name, len(seconds) + failures, failures, 0, times_of(*seconds))


def test_series_counters_and_errors_add_up_over_workers() -> None:
    summary = Summary("r1")
    summary.add(record("w1", 0, series=[delivery(0.010, 0.020)], counters={"subscribers": {"messages": 2}}))
    summary.add(record("w2", 0, series=[delivery(0.030)], counters={"subscribers": {"messages": 1}}))
    summary.add(record("w2", 1, errors={"subscribers": {"message: not JSON": 4}}))
    times = summary.histogram("subscribers", "delivery")
    assert times.count == 3
    assert times.max == pytest.approx(0.030, rel=1e-3)
    assert times.percentile(50) == pytest.approx(0.020, rel=1e-3)
    assert summary.counted("subscribers", "messages") == 3
    assert summary.errors["subscribers"] == {"message: not JSON": 4}
    assert summary.workers["w2"].messages == 1


def test_the_error_of_a_time_is_that_of_its_own_group_and_measure() -> None:
    """A server that tells whole seconds to one group says nothing of the others; also of a second that was packed."""
    summary = Summary("r1")
    coarse = msgspec.structs.replace(delivery(0.4, group="coarse"), step=1.0)
    for serial in range(20):
        series = [delivery(0.01), coarse, requests("GET /a", 0.01)]
        summary.add(record("w1", serial, series=series, health={"clock_error": 0.002}))
    for part in (summary, summary.during("all"), summary.window(0, 5), summary.at_full_speed):
        assert part.error("subscribers", "delivery") == 0.002
        assert part.error("coarse", "delivery") == part.error(None, "delivery") == 1.002
        assert part.error(None, "response") == 0.0


def test_what_reads_slowly_is_in_no_figure_that_is_not_its_own() -> None:
    """Neither in the run's, nor in those of a second that was packed meanwhile."""
    summary = Summary("r1")
    behind = Measured("laggards", "websocket", "connect", "/ws/market", 1, 0, 0, times_of(20.0))
    slow = {"laggards": {"users": 1, "open": 1, "unread": 0, "behind": 0}, "subscribers": {"users": 1, "open": 1}}
    counters = {
        "laggards": {"messages": 5, "lost": 9, "connects": 1, "connected": 1, "closed_by_server": 1},
        "subscribers": {"messages": 7, "connects": 1, "connected": 1},
    }
    errors = {"laggards": {"closed by server: 1008": 1}}
    for second in range(9):
        series = [delivery(0.01), behind]
        summary.add(record(serial=second, series=series, counters=counters, gauges=slow, errors=errors))
    for part, seconds in ((summary, 9), (summary.during("plateau"), 9), (summary.window(0, 1), 2)):
        fast = part.at_full_speed
        assert fast.counted(None, "messages") == fast.counted("websocket", "messages") == 7 * seconds
        assert fast.counted(None, "lost") == fast.histogram("websocket", "connect").count == 0
        assert fast.error_ratio(None) == (0, seconds * 7)
        assert not fast.errors
        assert fast.seconds == part.seconds
        assert part.error_ratio(None)[0] == 0.5
        assert part.counted(None, "messages") == 12 * seconds
        assert part.counted("laggards", "lost") == 9 * seconds


def test_lost_order_and_repetition_change_nothing() -> None:
    records = [
        record(f"w{i % 3}", i // 3, series=[delivery(0.001 * (i + 1))], gauges={"g": {"users": i}}) for i in range(30)
    ]
    plain, shuffled = Summary("r1"), Summary("r1")
    for each in records:
        assert plain.add(each)
    again = records + records[:10]
    random.Random(7).shuffle(again)
    assert sum(shuffled.add(each) for each in again) == 30
    assert shuffled.histogram(None, "delivery") == plain.histogram(None, "delivery")
    assert shuffled.peak_users == plain.peak_users
    users = [[second.gauge("users") for second in summary.timeline] for summary in (shuffled, plain)]
    assert users[0] == users[1]
    assert any(users[0])


def test_a_record_of_another_run_is_not_added() -> None:
    summary = Summary("r1")
    assert not summary.add(record(run="r0", counters={"g": {"messages": 5}}))
    assert summary.counted(None, "messages") == 0


def test_a_worker_is_finished_when_every_record_up_to_the_final_one_is_here() -> None:
    summary = Summary("r1")
    summary.add(record(serial=0))
    summary.add(record(serial=2, final=True))
    assert summary.lives.unfinished("w1")  # serial 1 is missing
    summary.add(record(serial=1))
    assert not summary.lives.unfinished("w1")


def test_a_worker_that_came_back_is_finished_by_its_latest_life() -> None:
    summary = Summary("r1")
    summary.add(record(serial=0, final=True))
    summary.add(record(serial=0, incarnation=1))
    assert summary.lives.unfinished("w1")
    summary.add(record(serial=1, incarnation=1, final=True))
    assert not summary.lives.unfinished("w1")


def test_peak_users_is_the_most_in_one_second_over_all_workers() -> None:
    summary = Summary("r1")
    summary.add(record("w1", 0, gauges={"a": {"users": 3}, "b": {"users": 4, "open": 9}}))
    summary.add(record("w2", 0, gauges={"a": {"users": 5}}))
    summary.add(record("w1", 1, gauges={"a": {"users": 11}}))
    assert summary.peak_users == 12


@pytest.mark.parametrize(
    ("scope", "count"),
    [
        (None, 5),  # everything
        ("rest", 2),  # a kind
        ("subscribers", 3),  # a group
        ("nobody", 0),
    ],
)
def test_a_scope_is_a_group_a_kind_or_everything(scope: str | None, count: int) -> None:
    summary = Summary("r1")
    counters = {"subscribers": {"messages": 3}, "pollers": {"messages": 2}}
    summary.add(record(series=[delivery(0.1), requests("GET /a", 0.2)], counters=counters))
    assert summary.counted(scope, "messages") == count


def test_a_name_selects_one_request() -> None:
    summary = Summary("r1")
    summary.add(record(series=[requests("GET /a", 0.1), requests("GET /b", 0.2, 0.3)]))
    assert summary.histogram("rest", "response", "GET /b").count == 2
    assert summary.histogram("rest", "response").count == 3


GOOD = {"connects": 10, "connected": 10, "messages": 1_000_000}


@pytest.mark.parametrize(
    ("counters", "ratio", "attempts"),
    [
        ({}, None, 0),  # nothing attempted: no data
        (GOOD, 0.0, 1_000_000),  # all good: as many as there were of the most frequent kind
        ({**GOOD, "connected": 5, "connects_failed": 5}, 0.5, 10),  # failed connects aren't hidden by good messages
        ({**GOOD, "closed_by_server": 2}, 0.2, 10),  # nor are connections that ended against our wish
        ({**GOOD, "silences": 30}, 1.0, 10),  # silent again and again: all of them, not more
        ({"connects": 10, "messages": 90, "bad_messages": 10}, 0.1, 100),
        ({"requests": 200, "requests_failed": 3}, 0.015, 200),
    ],
)
def test_the_error_ratio_is_the_worst_of_connects_requests_and_messages(
    counters: dict[str, int], ratio: float | None, attempts: int
) -> None:
    summary = Summary("r1")
    summary.add(record(counters={"g": counters}))
    assert summary.error_ratio(None) == (ratio, attempts)


def test_the_ledger_balances_when_every_connection_went_somewhere() -> None:
    summary = Summary("r1")
    counters = {"connects": 9, "connected": 6, "connects_failed": 2, "connects_cancelled": 1}
    summary.add(record(counters={"g": {**counters, "closed_by_us": 4, "closed_by_server": 1, "closed_by_network": 1}}))
    ledger = summary.ledger()
    assert (ledger.pending, ledger.open, ledger.lost) == (0, 0, 2)


def test_a_connection_that_nobody_closed_is_open() -> None:
    summary = Summary("r1")
    summary.add(record(counters={"g": {"connects": 3, "connected": 2, "closed_by_us": 1}}))
    assert (summary.ledger().pending, summary.ledger().open) == (1, 1)


def test_times_of_a_second_over_a_limit_are_left_out_and_everything_else_counts() -> None:
    summary = Summary("r1")
    counters = {"subscribers": {"connects": 2, "connects_failed": 1, "messages": 3}}
    late, errors = {"lag_max": 0.4, "clock_error": 0.2}, {"g": {"x": 1}}
    summary.add(record("w1", 0, series=[delivery(0.010)], counters=counters, health={"clock_error": 0.001}))
    summary.add(record("w2", 0, series=[delivery(0.500, 0.600)], counters=counters, health=late, errors=errors))
    for part in (summary, summary.during("plateau"), summary.window(0, 0), summary.timeline[0].totals):
        (series,) = part.series.values()
        assert (series.count, series.histogram.count, series.excluded) == (3, 1, 2)
        assert part.histogram(None, "delivery").max == pytest.approx(0.010)
        assert part.counted(None, "messages") == 6
        assert part.error_ratio(None) == (0.5, 4)
        assert part.errors["g"]["x"] == 1
        assert part.clock_error() == 0.001  # that of the times that are there
    assert summary.exclusions.workers(0) == ["w2"]


def test_a_run_has_the_limits_of_its_profile() -> None:
    summary = Summary("r1", Limits(lag=1.0))
    summary.add(record("w1", 0, series=[delivery(0.010)], health={"lag_max": 0.9}))
    assert summary.histogram(None, "delivery").count == 1


def test_a_run_is_judged_by_its_plateau_or_by_all_of_it() -> None:
    summary = Summary("r1")
    summary.follow(lambda t: "ramp-up" if t < 2 else "plateau", 4.0)
    summary.add(record("w1", 0))
    assert list(summary.judged_seconds) == [0]
    for second in (1, 2, 3):
        summary.add(record("w1", second))
    assert list(summary.judged_seconds) == [2, 3]


def test_the_worst_of_an_offset_is_the_farthest_from_0() -> None:
    summary = Summary("r1")
    for serial, offset in enumerate((0.001, -0.5, 0.2)):
        summary.add(record("w1", serial, health={"clock_offset": offset}))
    assert summary.workers["w1"].worst["clock_offset"] == -0.5


SECONDS = st.lists(st.lists(st.floats(1e-6, 30.0), max_size=6), min_size=1, max_size=4)
WORKERS = st.lists(st.tuples(st.integers(0, 3), st.booleans(), SECONDS), min_size=1, max_size=25)


@given(WORKERS, st.randoms(use_true_random=False))
def test_sums_are_the_same_whether_somebody_looks_after_each_record_or_only_at_the_end(
    told: list[tuple[int, bool, list[list[float]]]], chance: random.Random
) -> None:
    """Records of a second are added up before they are added to the rest; looking adds what there is."""
    looked, left = Summary("r1", Limits()), Summary("r1", Limits())
    for summary in (looked, left):
        summary.follow(lambda t: "ramp-up" if t < 2 else "plateau", 20.0)
    records = []
    for serial, (second, well, series) in enumerate(told):
        measured = [delivery(*times, group=f"g{number}") for number, times in enumerate(series)]
        health = {"lag_max": 0.001 if well else 9.0, "clock_error": serial * 1e-4}
        counters = {"g0": {"messages": serial, "connects": 1}}
        made = record(f"w{serial % 3}", serial, series=measured, counters=counters, health=health)
        records.append(msgspec.structs.replace(made, second=second, errors={"g0": {f"e{serial % 2}": 1}}))
    for each in records:
        assert looked.add(each)
        looked.settle()
    chance.shuffle(records)
    for each in records:
        assert left.add(each)
    for one, other in ((looked, left), (looked.during("plateau"), left.during("plateau"))):
        assert one.series == other.series
        assert one.counters == other.counters
        assert one.errors == other.errors
        assert one.kinds == other.kinds
        assert one.clock_error() == other.clock_error()
        assert one.seconds == other.seconds
    assert [second.totals.series for second in looked.timeline] == [second.totals.series for second in left.timeline]
    assert looked.counted(None, "messages") == sum(range(len(told)))
    assert {name: w.totals.series for name, w in looked.workers.items()} == {
        name: w.totals.series for name, w in left.workers.items()
    }


@pytest.mark.parametrize("read", ["series", "counters", "errors", "kinds"])
def test_whoever_reads_a_sum_finds_the_record_that_came_just_before(read: str) -> None:
    summary = Summary("r1")
    summary.add(record(series=[delivery(0.01)], counters={"g": {"messages": 1}}, errors={"g": {"bad": 1}}))
    assert getattr(summary, read)
    summary.add(record(serial=1, health={"clock_error": 0.25}, series=[delivery(0.02)]))
    assert summary.clock_error() == 0.25
    summary.add(record(serial=2, series=[delivery(0.03)]))
    assert summary.timeline[2].totals.attempts(None, "delivery") == 1
    summary.add(record(serial=3, series=[delivery(0.03)]))
    assert summary.during("plateau").attempts(None, "delivery") == 4
    summary.add(record(serial=4, series=[delivery(0.03)]))
    assert summary.window(4, 4).attempts(None, "delivery") == 1


def test_nothing_waits_to_be_added_up_in_a_summary_that_is_closed() -> None:
    """It is judged in a thread while a page may read it, so reading must not change it."""
    summary = Summary("r1")
    for serial in range(5):
        summary.add(record(serial=serial, second=serial, series=[delivery(0.001, 0.002)]))
    summary.close()
    totals = [summary, summary.during("plateau"), *(worker.totals for worker in summary.workers.values())]
    assert [series._waiting for each in totals for series in (s.histogram for s in each.series.values())] == [[]] * len(
        [series for each in totals for series in each.series]
    )
    assert summary.histogram(None, "delivery").count == 10
