"""results: what was timed by a clock before it was found to have been set is unsure, whatever phase it was in."""

import math

import pytest

from loadtest.results import Record, Summary


def run_of(seconds: int, found: int, **health: float) -> Summary:
    """Plateau from 2 to 8 s of 10; in second `found` a worker finds the server's clock set."""
    summary = Summary("r1")
    summary.follow(lambda t: "ramp-up" if t < 2 else "plateau" if t < 8 else "ramp-down", 10.0)
    for second in range(seconds):
        told = {"clock_error": 0.001, **(health if second == found else {})}
        summary.add(Record("r1", "w1", 0, second, second, [], {"g": {"messages": 1}}, {}, {}, told))
    return summary


def bounds(summary: Summary) -> list[float]:
    return [round(summary.window(second, second).clock_error(), 3) for second in summary.seconds]


def test_the_seconds_since_the_clock_was_last_right_are_unsure_by_the_step() -> None:
    summary = run_of(10, 5, clock_step=0.4, clock_doubt=1.7)
    assert bounds(summary) == [0.001, 0.001, 0.001, 0.401, 0.401, 0.401, 0.001, 0.001, 0.001, 0.001]


def test_a_step_found_after_the_plateau_makes_the_plateau_unsure() -> None:
    assert run_of(10, 8, clock_step=5.0, clock_doubt=1.9).during("plateau").clock_error() == pytest.approx(5.001)
    assert run_of(10, 9, clock_step=5.0, clock_doubt=0.5).during("plateau").clock_error() == pytest.approx(0.001)


def test_a_step_found_after_the_plan_s_end_makes_its_last_seconds_unsure() -> None:
    summary = run_of(11, 10, clock_step=5.0, clock_doubt=1.0)
    assert bounds(summary)[9] == 5.001
    assert summary.clock_error() == pytest.approx(5.001)


@pytest.mark.parametrize("doubt", [math.nan, math.inf, -1.0, 1e300])
def test_a_doubt_that_makes_no_sense_is_bounded(doubt: float) -> None:
    assert len(bounds(run_of(6, 4, clock_step=1.0, clock_doubt=doubt))) == 6
