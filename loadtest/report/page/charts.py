"""Which charts a report has, from its rows, and the distribution of its latencies."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from loadtest.report.page.chart import Chart, Column, Shade, over_time
from loadtest.report.rows import Row
from loadtest.results import SeriesKey, Summary
from loadtest.results.totals import Series

__all__ = ["charts_of", "distribution_of", "shades_of"]

KINDS_SHOWN = 6
"""Kinds of errors with a line of their own; the others share one."""
WORKERS_SHOWN = 8
"""With more workers, health is that of the worst and of the middle one."""
DISTRIBUTION = ("delivery", "response", "freshness", "skew", "ping")
NINES = (1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 97.5, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999)

Value = Callable[[Row], float | None]


def charts_of(rows: Sequence[Row]) -> list[Chart]:
    """Every chart over time that has something to show."""
    seconds = [row.second for row in rows]

    def columns(values: dict[str, Value]) -> list[Column]:
        return [Column(name, [value(row) for row in rows]) for name, value in values.items()]

    def counted(name: str) -> Value:
        return lambda row: row.counts[name] if row.workers else None

    drawn = [
        over_time(
            "Users and connections",
            "",
            seconds,
            columns({"users": lambda r: r.users, "open connections": lambda r: r.open}),
        ),
        over_time(
            "Messages and requests", "/s", seconds, _moving(columns({n: counted(n) for n in ("messages", "requests")}))
        ),
        *(
            over_time(title, "ms", seconds, columns({f"p{p}": _time(measure, p) for p in (50, 95, 99)}))
            for title, measure in (
                ("Delivery latency", "delivery"),
                ("Response time", "response"),
                ("Age of the data (freshness)", "freshness"),
                ("Ping round trip", "ping"),
                ("Skew of broadcasts", "skew"),
            )
        ),
        over_time(
            "Handshakes",
            "/s",
            seconds,
            _moving(columns({"begun": counted("connects"), "established": counted("connected")})),
        ),
        over_time("Completeness", "%", seconds, columns({"completeness": lambda row: row.completeness}), zero=False),
        over_time("Errors by kind", "/s", seconds, _error_columns(rows)),
        over_time("Generator: CPU", "% of a core", seconds, _health_columns(rows, "cpu", 100.0)),
        over_time("Generator: loop lag, worst of each second", "ms", seconds, _health_columns(rows, "lag_max", 1000.0)),
    ]
    return [chart for chart in drawn if chart is not None]


def _time(measure: str, p: int) -> Value:
    return lambda row: row.times.get(f"{measure}_p{p}_ms")


def _moving(columns: list[Column]) -> list[Column]:
    """Without those that stayed 0."""
    return [column for column in columns if any(column.values)]


def _error_columns(rows: Sequence[Row]) -> list[Column]:
    total: Counter[str] = Counter()
    for row in rows:
        total.update(row.errors)
    names = [name for name, _ in total.most_common(KINDS_SHOWN)]
    found = [Column(name, [row.errors[name] for row in rows]) for name in names]
    if len(total) > KINDS_SHOWN:
        rest = [row.errors.total() - sum(row.errors[name] for name in names) for row in rows]
        found.append(Column(f"{len(total) - KINDS_SHOWN} other kinds", rest))
    return found


def _health_columns(rows: Sequence[Row], name: str, scale: float) -> list[Column]:
    workers = sorted({worker for row in rows for worker in row.health})
    lines = {worker: [_scaled(row.health.get(worker, {}).get(name), scale) for row in rows] for worker in workers}
    if len(workers) <= WORKERS_SHOWN:
        return [Column(short, lines[worker]) for worker, short in zip(workers, _short(workers), strict=True)]
    known = [sorted(v for v in values if v is not None) for values in zip(*lines.values(), strict=True)]
    return [
        Column(f"worst of {len(workers)}", [values[-1] if values else None for values in known]),
        Column("middle one", [values[len(values) // 2] if values else None for values in known]),
    ]


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else value * scale


def _short(workers: Sequence[str]) -> list[str]:
    """Names of workers that fit a legend, where Locust's end in 32 hexadecimal digits."""
    cut = [name if len(name) <= 20 else f"{name[:12]}…{name[-4:]}" for name in workers]  # noqa: PLR2004 - a legend's width
    return cut if len(set(cut)) == len(cut) else list(workers)


def shades_of(rows: Sequence[Row]) -> list[Shade]:
    """The ramps, and the seconds of which a worker's timings were left out."""
    found = [Shade(*span, "ramp") for span in _spans(rows, lambda row: row.phase != "plateau")]
    return found + [Shade(*span, "excluded") for span in _spans(rows, lambda row: bool(row.excluded))]


def _spans(rows: Sequence[Row], wanted: Callable[[Row], bool]) -> Iterator[tuple[float, float]]:
    for chosen, stretch in groupby(rows, wanted):
        seconds = [row.second for row in stretch]
        if chosen:
            yield float(seconds[0]), float(seconds[-1] + 1)


def distribution_of(summary: Summary) -> Chart | None:
    """Percentiles of every latency, up to the last that has a value of its own."""
    found = [(key, series) for key, series in sorted(summary.series.items()) if _is_shown(key, series)]
    most = max((series.histogram.count for _, series in found), default=0)
    percentiles = [p for p in NINES if most * (100 - p) >= 100] if most else []  # noqa: PLR2004 - one value above it
    if len(percentiles) < 2:  # noqa: PLR2004 - a line has two ends
        return None
    rows = tuple((f"p{p:g}", *(_percentile(series, p) for _, series in found)) for p in percentiles)
    names = tuple(f"{key.group} {key.measure} {key.name}" for key, _ in found)
    return Chart(
        "Percentiles",
        "ms",
        names,
        rows,
        kind="distribution",
        x="percentile",
        note="Below p99 is one value of a hundred; a percentile without a value of its own above it is left out.",
        log=True,
        xs=tuple(f"{100 / (100 - p):.6g}" for p in percentiles),
    )


def _is_shown(key: SeriesKey, series: Series) -> bool:
    return key.measure in DISTRIBUTION and series.histogram.count > 1


def _percentile(series: Series, p: float) -> str:
    if series.histogram.count * (100 - p) < 100:  # noqa: PLR2004 - one value above it
        return ""
    value = series.histogram.percentile(p)
    return "" if value is None else f"{max(value * 1000, 0.001):.4g}"
