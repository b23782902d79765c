"""compare/comparison.py: equal runs are equal, a slower one is found, and what can't be told is said."""

from dataclasses import replace

import pytest
from synthetic_run import facts_of, synthetic_run

from loadtest.compare.comparison import Comparison, Side, compare
from loadtest.report.rows import read_csv, rows_of, to_csv


def side(length: int = 120, *, seed: int = 1, slower: float = 1.0, samples: int = 40) -> Side:
    summary = synthetic_run(length, seed=seed, slower=slower, samples=samples)
    return Side(facts_of(summary, length), read_csv(to_csv(rows_of(summary))))


def verdicts(comparison: Comparison) -> dict[str, str]:
    return {difference.figure.title: difference.verdict for difference in comparison.differences}


@pytest.mark.parametrize("seed", range(2, 12))
def test_two_equal_runs_have_no_regression(seed: int) -> None:
    found = compare(side(seed=1), side(seed=seed), 0.05)
    assert found.regressions == []
    assert found.sentence == "NO REGRESSION: nothing is worse by more than 5 % beyond noise"


def test_a_run_that_is_a_fifth_slower_is_found() -> None:
    slow, slower = side(slower=10), side(seed=2, slower=10 * 1.2)
    found = compare(slow, slower, 0.05)
    assert verdicts(found)["delivery p50"] == verdicts(found)["response p50"] == "regression"
    (delivery,) = (d for d in found.differences if d.figure.title == "delivery p50")
    assert delivery.change is not None
    assert delivery.change.share == pytest.approx(0.2, abs=0.05)
    assert found.sentence.startswith("REGRESSION: delivery p50")
    assert compare(slower, slow, 0.05).regressions == []  # the other way round it is better
    assert verdicts(compare(slower, slow, 0.05))["delivery p50"] == "better"


def test_what_may_be_worse_is_no_regression() -> None:
    found = compare(side(slower=10), side(seed=2, slower=10 * 1.2), 0.5)
    assert found.regressions == []
    assert verdicts(found)["delivery p50"] == "worse"


def test_fewer_messages_are_a_regression_and_more_are_not() -> None:
    run = side()
    fewer = Side(run.facts, [{**row, "messages": str(int(int(row["messages"]) * 0.8))} for row in run.rows])
    assert verdicts(compare(run, fewer, 0.05))["messages"] == "regression"
    assert verdicts(compare(fewer, run, 0.05))["messages"] == "better"


def test_a_change_within_the_clocks_error_proves_nothing() -> None:
    slow, slower = side(slower=10), side(seed=2, slower=10 * 1.2)  # 10 ms apart
    unsure = Side(slower.facts, [{**row, "clock_error_ms": "12"} for row in slower.rows])
    found = verdicts(compare(slow, unsure, 0.05))
    assert (found["delivery p50"], found["response p50"]) == ("same", "regression")  # a response needs no clock


def test_a_change_within_the_generators_lag_proves_nothing() -> None:
    slow, slower = side(slower=10), side(seed=2, slower=10 * 1.2)
    lagging = Side(slower.facts, [{**row, "lag_max_ms": "60"} for row in slower.rows])
    assert compare(slow, lagging, 0.05).regressions == []


def test_only_the_plateau_counts_and_no_second_that_was_left_out() -> None:
    run = side()
    odd = [
        {**row, "delivery_p50_ms": "9999", "excluded": "1"}
        if row["phase"] == "plateau" and int(row["second"]) % 3 == 0
        else {**row, "delivery_p50_ms": "9999"}
        if row["phase"] != "plateau"
        else row
        for row in run.rows
    ]
    assert verdicts(compare(run, Side(run.facts, odd), 0.05))["delivery p50"] == "same"


def test_too_short_a_plateau_tells_nothing() -> None:
    found = compare(side(8), side(8, slower=100), 0.05)
    assert set(verdicts(found).values()) == {"unknown"}
    assert found.sentence.startswith("NOTHING TO COMPARE")


def test_a_run_that_had_no_errors_and_has_many_is_worse() -> None:
    run = side()
    clean = Side(run.facts, [{**row, "errors": "0"} for row in run.rows])
    bad = Side(run.facts, [{**row, "errors": str(5 + int(row["second"]) % 2)} for row in run.rows])
    assert verdicts(compare(clean, bad, 0.05))["errors"] == "regression"
    assert verdicts(compare(clean, clean, 0.05))["errors"] == "same"


def test_what_makes_runs_hard_to_compare_is_told() -> None:
    run = side()
    other = Side(replace(run.facts, profile="other", workers=("w1",)), run.rows)
    assert compare(run, other, 0.05).notes == (
        "They have different profiles: market-open-burst and other.",
        "They have different numbers of workers: 2 and 1.",
    )
    assert compare(run, run, 0.05).notes == ()


def test_the_free_port_of_a_demo_backend_makes_no_other_target() -> None:
    def at(url: str) -> Side:
        run = side()
        return Side(replace(run.facts, targets=(url,)), run.rows)

    assert compare(at("http://127.0.0.1:32768"), at("http://127.0.0.1:60999"), 0.05).notes == ()
    assert compare(at("http://127.0.0.1:8000"), at("http://127.0.0.1:32767"), 0.05).notes
    assert compare(at("http://10.0.0.1:40000"), at("http://10.0.0.1:40001"), 0.05).notes
