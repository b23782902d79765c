"""report/page/charts.py: which charts a run has, and what stands in them."""

from dataclasses import replace

import msgspec
from synthetic_run import synthetic_run

from loadtest.report.page.chart import Shade
from loadtest.report.page.charts import charts_of, distribution_of, shades_of
from loadtest.report.rows import rows_of
from loadtest.results import Record, Summary


def test_a_run_with_both_kinds_has_every_chart_of_what_it_measured() -> None:
    titles = [chart.title for chart in charts_of(rows_of(synthetic_run(60)))]
    assert titles == [
        "Users and connections",
        "Messages and requests",
        "Delivery latency",
        "Response time",
        "Handshakes",
        "Completeness",
        "Errors by kind",
        "Generator: CPU",
        "Generator: loop lag, worst of each second",
    ]


def test_a_chart_shows_what_was_measured() -> None:
    summary = synthetic_run(60)
    rows = rows_of(summary)
    chart = next(chart for chart in charts_of(rows) if chart.title == "Delivery latency")
    assert chart.names == ("p50", "p95", "p99")
    for row, cells in zip(rows, chart.rows, strict=True):
        assert cells == (str(row.second), *(f"{row.times[f'delivery_p{p}_ms']:.4g}" for p in (50, 95, 99)))


def test_ramps_and_seconds_that_were_left_out_are_shaded() -> None:
    rows = rows_of(synthetic_run(20))
    rows[7] = replace(rows[7], excluded=("w1",))
    assert shades_of(rows) == [Shade(0.0, 2.0, "ramp"), Shade(18.0, 20.0, "ramp"), Shade(7.0, 8.0, "excluded")]


def test_kinds_of_errors_beyond_the_commonest_share_a_line() -> None:
    summary = Summary("r1")
    base = Record("r1", "w1", 0, 0, 0, [], {}, {}, {}, {"cpu": 0.1})
    names = {f"error {n}": 10 - n for n in range(9)}
    summary.add(msgspec.structs.replace(base, errors={"g": names}))
    summary.add(msgspec.structs.replace(base, serial=1, second=1, errors={"g": {"error 8": 5}}))
    chart = next(chart for chart in charts_of(rows_of(summary)) if chart.title == "Errors by kind")
    assert chart.names == ("error 0", "error 1", "error 2", "error 3", "error 8", "error 4", "3 other kinds")
    assert chart.rows[0] == ("0", "10", "9", "8", "7", "2", "6", str(5 + 4 + 3))


def test_many_workers_are_shown_as_the_worst_and_the_middle_one() -> None:
    chart = next(chart for chart in charts_of(rows_of(synthetic_run(5, workers=9))) if chart.title == "Generator: CPU")
    assert chart.names == ("worst of 9", "middle one")


def test_the_distribution_ends_where_a_percentile_has_no_value_above_it() -> None:
    summary = synthetic_run(20, workers=1, samples=10)  # 200 values: p99.5 is the last with one above it
    chart = distribution_of(summary)
    assert chart is not None
    assert [row[0] for row in chart.rows][-2:] == ["p99", "p99.5"]
    assert chart.xs[-1] == "200"  # 1 / (1 − 0.995)
    times = summary.histogram(None, "delivery")
    cell = chart.rows[3][chart.names.index("subscribers delivery /ws/market") + 1]
    assert chart.rows[3][0] == "p50"
    assert cell == f"{(times.percentile(50) or 0) * 1000:.4g}"


def test_a_run_without_latencies_has_no_distribution() -> None:
    assert distribution_of(Summary("r1")) is None
