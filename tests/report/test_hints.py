"""report/hints.py: what a run says should be checked."""

import msgspec
import pytest
from sample_run import measured, sample_summary

from loadtest.report import hints
from loadtest.results import Record, Summary
from loadtest.slo import Verdict


def test_a_hint_says_how_often() -> None:
    (hint,) = hints(sample_summary())
    assert hint.startswith("1 × HTTP 403: check first the target's limit")  # one was let in: hardly the token


def test_where_nobody_was_let_in_the_token_is_named_first() -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"g": {"connects": 1}}, {"g": {"connect: HTTP 403": 1}}, {}, {}))
    assert hints(summary)[0].startswith("1 × HTTP 403: check first the token")


@pytest.mark.parametrize(
    ("counters", "told"),
    [
        ({"messages": 9}, "none of 9 messages has the field"),  # the real backend
        ({"messages": 9, "unclocked": 9}, "target.clock is not known"),
        ({}, None),  # nothing came: other errors say why
    ],
)
def test_an_slo_on_delivery_without_samples_says_why(counters: dict[str, int], told: str | None) -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"g": counters}, {}, {}, {}))
    found = hints(summary, (Verdict("websocket delivery p99 < 100ms", None, None, "no-data", 0, "ms"),))
    assert ([told in hint for hint in found] == [True]) if told else found == []


@pytest.mark.parametrize(
    ("counters", "told"),
    [
        ({"messages": 9, "undated": 9}, "9 messages have no time at the field"),
        ({"messages": 9, "unclocked": 9}, "target.clock is not known"),
        ({"messages": 9, "undated": 9, "unclocked": 9}, "9 messages have no time at the field"),  # of a send time
        ({}, None),
    ],
)
def test_an_slo_on_freshness_without_samples_says_why(counters: dict[str, int], told: str | None) -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"g": counters}, {}, {}, {}))
    found = hints(summary, (Verdict("g freshness p95 < 2s", None, None, "no-data", 0, "s"),))
    assert ([told in hint for hint in found] == [True]) if told else found == []


def test_a_worker_that_differs_is_pointed_out_and_the_list_is_short() -> None:
    summary = Summary("r1")
    for number, seconds in enumerate([0.01] * 7 + [0.05] * 2):
        series = [measured("websocket", "delivery", "/x", *[seconds] * 600)]
        summary.add(Record("r1", f"w{number}", 0, 0, 0, series, {}, {}, {}, {}, final=True))
    (hint,) = hints(summary)
    assert hint.startswith("workers differ: w7 saw delivery p50 50 ms, the others 10 ms; w8 saw delivery p50 50 ms")
    assert "(and 1 more)" in hint


def test_times_that_are_told_in_whole_seconds_are_pointed_out() -> None:
    summary = Summary("r1")
    seen = measured("websocket", "delivery", "/x", 0.4)
    for second, step in enumerate((0.0, 1.0, 0.001)):
        series = [msgspec.structs.replace(seen, step=step)]
        summary.add(Record("r1", "w1", 0, second, second, series, {}, {}, {}, {}))
    (hint,) = hints(summary)
    assert hint.startswith("delivery is right to ± 1 s only")


def test_a_server_s_clock_that_was_set_is_told_of() -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 3, 3, [], {}, {}, {}, {"clock_step": 0.4}))
    summary.add(Record("r1", "w2", 0, 3, 3, [], {}, {}, {}, {"clock_step": 3600.0}))
    (hint,) = hints(summary)
    assert hint.startswith("the target's clock was set by 3,600 s in mid-run")
