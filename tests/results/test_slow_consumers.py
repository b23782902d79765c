"""results/slow_consumers.py: how slow consumers fared, and the others beside them; every figure worked out by hand."""

from support.slow_runs import RUN, record, run_of, series

from loadtest.results import Summary
from loadtest.results.slow_consumers import Closes, compared, slow_groups


def test_how_a_group_fared_is_told_over_the_whole_run() -> None:
    (slow,) = slow_groups(run_of(*RUN))
    assert (slow.group, slow.subscribers, slow.taken, slow.lost, slow.unread) == ("slow", 3, 7, 28, 3000)
    assert (slow.behind.count, slow.by_ping) == (7, False)
    assert [round(value or 0, 1) for value in (slow.behind.percentile(50), slow.behind.max, slow.at_the_end_s)] == [
        3.0,
        4.0,
        3.0,
    ]


def test_the_others_are_compared_in_seconds_in_which_all_of_them_were_there() -> None:
    found = compared(run_of(*RUN))
    assert found is not None
    assert (found.without_s, found.without.count, round(found.without.max, 3)) == (2, 2, 0.020)
    assert (found.behind_s, found.behind.count, round(found.behind.max, 3)) == (3, 3, 0.060)


def test_a_run_without_slow_consumers_has_none() -> None:
    summary = Summary("r1")
    summary.add(record(series=[series("fast", "delivery", 0.01)], gauges={"fast": {"users": 1, "open": 1}}))
    assert (slow_groups(summary), compared(summary)) == ([], None)


def test_closes_are_told_by_name_with_their_median_and_unknown_losses_are_not_none() -> None:
    summary = Summary("r1")
    ends = [
        series("slow", "closed_after", 10.0, 30.0, 20.0, name="closed by server: 1008"),
        series("slow", "closed_after", 5.0, name="connection reset"),
        series("slow", "backlog", 7.0),
    ]
    gauges = {"slow": {"users": 4, "open": 4, "unread": 0, "behind": 0}}
    summary.add(record(series=ends, gauges=gauges, counters={"slow": {"messages": 3}}))
    (slow,) = slow_groups(summary)
    told = [(end.name, end.count, round(end.median_s or 0)) for end in slow.closes]
    assert told == [("closed by server: 1008", 3, 20), ("connection reset", 1, 5)]
    assert isinstance(slow.closes[0], Closes)
    assert slow.lost is None
    assert slow.by_ping
    assert round(slow.behind.max) == 7
