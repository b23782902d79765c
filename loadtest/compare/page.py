"""A comparison as one HTML page, with both curves in each chart. It looks like the report and fetches as little."""

from collections.abc import Iterator

from loadtest import charts
from loadtest.compare.comparison import Comparison, Side
from loadtest.compare.text import HEAD, cells, method
from loadtest.report.page.chart import Chart, Column, over_time
from loadtest.report.page.html import START, environment, figure_with, scripts

__all__ = ["to_html"]

CURVES = {
    "messages": ("Messages", "/s"),
    "requests": ("Requests", "/s"),
    "delivery_p50_ms": ("Delivery latency, p50", "ms"),
    "delivery_p99_ms": ("Delivery latency, p99", "ms"),
    "response_p50_ms": ("Response time, p50", "ms"),
    "response_p99_ms": ("Response time, p99", "ms"),
    "freshness_p95_ms": ("Age of the data, p95", "ms"),
    "ping_p99_ms": ("Ping round trip, p99", "ms"),
    "skew_p95_ms": ("Skew of broadcasts, p95", "ms"),
    "completeness_percent": ("Completeness", "%"),
    "errors": ("Errors", "/s"),
    "users": ("Users", ""),
    "cpu_max": ("Generator: CPU of the busiest worker", "cores"),
    "lag_max_ms": ("Generator: worst loop lag", "ms"),
}


def to_html(comparison: Comparison) -> str:
    """The page."""
    templates = environment("loadtest.compare")
    return templates.get_template("comparison.html").render(
        comparison=comparison,
        word="fail" if comparison.regressions else "pass",
        head=HEAD,
        rows=[(difference.verdict, cells(difference)) for difference in comparison.differences],
        method=list(method(comparison)),
        charts=list(_charts(comparison)),
        figure=figure_with(templates, []),
        library=charts.LIBRARY,
        **scripts(charts.library_script(), charts.shipped("charts.js"), START),
    )


def _charts(comparison: Comparison) -> Iterator[Chart]:
    sides = {"first": comparison.first, "second": comparison.second}
    length = max((int(row["second"]) + 1 for side in sides.values() for row in side.rows), default=0)
    for column, (title, unit) in CURVES.items():
        lines = [Column(name, _values(side, column, length)) for name, side in sides.items()]
        chart = over_time(title, unit, range(length), lines, zero=unit != "%")
        if chart is not None and any(any(line.values) for line in lines):
            yield chart


def _values(side: Side, column: str, length: int) -> list[float | None]:
    """A column by run second; None where there is nothing."""
    known = {int(row["second"]): float(row[column]) for row in side.rows if row.get(column)}
    return [known.get(second) for second in range(length)]
