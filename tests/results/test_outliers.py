"""results/outliers.py: a worker that differs from the others is named, and nobody for noise."""

import pytest

from loadtest.results import SeriesKey, Totals
from loadtest.results.outliers import outliers


def seen(seconds: float, count: int = 100, measure: str = "delivery") -> Totals:
    totals = Totals()
    for _ in range(count):
        totals.series[SeriesKey("g", "websocket", measure, "/x")].histogram.record(seconds)
    return totals


@pytest.mark.parametrize(
    ("times", "named"),
    [
        ([0.010, 0.011, 0.009, 0.040], ["w3"]),
        ([0.010, 0.011, 0.009, 0.012], []),  # noise
        ([0.010, 0.011, 0.040, 0.041, 0.009, 0.010], ["w2", "w3"]),  # two do not hide each other
        ([0.010, 0.020, 0.030, 0.040], []),  # all differ, so nobody does
        ([0.040, 0.010], ["w0"]),  # of two, the slower one
        ([0.012, 0.010], []),
        ([0.0001, 0.0009], []),  # nine times as much, and less than 1 ms
        ([0.001, 0.010, 0.011, 0.010], []),  # better than the others is no harm
        ([0.040], []),
        ([], []),
    ],
)
def test_a_worker_that_is_worse_than_the_others_is_named(times: list[float], named: list[str]) -> None:
    workers = {f"w{number}": seen(time) for number, time in enumerate(times)}
    assert [outlier.worker for outlier in outliers(workers)] == named


def test_a_percentile_needs_samples_above_it() -> None:
    workers = {"w0": seen(0.01, 600), "w1": seen(0.04, 9)}
    assert list(outliers(workers)) == []


def test_an_outlier_is_told_with_both_figures() -> None:
    workers = {"w0": seen(0.01, 600, "response"), "w1": seen(0.04, 600, "response")}
    assert [str(outlier) for outlier in outliers(workers)] == [
        "w1 saw response p50 40 ms, the others 10 ms",
        "w1 saw response p99 40 ms, the others 10 ms",
    ]
