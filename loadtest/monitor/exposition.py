"""Summary -> the text that Prometheus scrapes (docs/metrics.md). Every series has the labels `run_id` and `profile`.

Counters are sums over the whole run, so they only grow until the next run, which has another `run_id`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import CollectorRegistry

from loadtest.histogram import Histogram
from loadtest.monitor.document import Status, WorkerStatus
from loadtest.results import SeriesKey, Summary
from loadtest.results.summary import Series

__all__ = ["BUCKETS", "CONTENT_TYPE", "exposition"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds in seconds; +Inf comes after them."""
MOST = 200
"""Label sets of a family at most; what comes after goes into one named `other`. A locustfile may name without end."""
OTHER = "other"
OUTCOMES = ("pass", "fail", "warn", "no-data")
STATES = ("idle", "running", "stopping", "ended")


class _Once:
    """A collector of families that are there already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def exposition(status: Status, summary: Summary, refused: Mapping[tuple[str, str], int] | None = None) -> str:
    """All families, in Prometheus' text format 0.0.4. `refused`: (port, why) -> how often."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(_families(status, summary, refused or {})))
    return generate_latest(registry).decode()


def _families(status: Status, summary: Summary, refused: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    run = Labels(status)
    yield from _run(run, status)
    yield from _groups(run, status)
    yield from _counted(run, summary)
    yield from _measured(run, summary)
    yield from _workers(run, status)
    yield from _objectives(run, status)
    turned = [(*which, count) for which, count in sorted(refused.items())]
    yield run.counter("refused", "Messages dropped and connections closed on strangers.", turned, "port", "why")


class Labels:
    """The labels that every series has, and families made with them."""

    NAMES = ("run_id", "profile")

    def __init__(self, status: Status) -> None:
        self._values = (status.run_id, status.profile or "")

    def gauge(self, name: str, text: str, rows: Iterable[Sequence[object]], *labels: str) -> Metric:
        """Each row: the values of the labels, then the figure. Rows whose figure is None are left out."""
        family = GaugeMetricFamily(f"loadtest_{name}", text, labels=(*self.NAMES, *labels))
        for *values, figure in rows:
            if isinstance(figure, int | float):
                family.add_metric(self.values(values), float(figure))
        return family

    def counter(self, name: str, text: str, rows: Iterable[Sequence[object]], *labels: str) -> Metric:
        """As gauge; the name gets `_total`."""
        family = CounterMetricFamily(f"loadtest_{name}", text, labels=(*self.NAMES, *labels))
        for *values, figure in rows:
            if isinstance(figure, int | float):
                family.add_metric(self.values(values), float(figure))
        return family

    def values(self, values: Iterable[object]) -> list[str]:
        """The values of all labels."""
        return [*self._values, *map(str, values)]


def _run(run: Labels, status: Status) -> Iterator[Metric]:
    info = InfoMetricFamily("loadtest_run", "The run that is on, or was last.", labels=Labels.NAMES)
    info.add_metric(run.values(()), {"targets": ",".join(status.targets), "started_at": status.started_at})
    yield info
    states = [(state, int(state == status.state)) for state in STATES]
    yield run.gauge("run_state", "1 for the state that the run is in.", states, "state")
    yield run.gauge("run_elapsed_seconds", "Run time.", [(status.stage.elapsed_s,)])
    yield run.gauge("run_planned_seconds", "Length of the plan.", [(status.stage.duration_s,)])
    yield run.gauge("users", "Users over all workers.", [(status.users.now,)])
    yield run.gauge("users_target", "Users that the plan wants now.", [(status.users.target,)])
    yield run.gauge("generator_ok", "0 while a worker is over a limit or not heard of.", [(int(status.health.ok),)])
    excluded = [(status.health.excluded_s,)]
    yield run.counter("excluded_worker_seconds", "Worker-seconds left out of timings.", excluded)


def _groups(run: Labels, status: Status) -> Iterator[Metric]:
    streams = status.streams
    opened = [(stream.group, stream.open) for stream in streams]
    wanted = [(stream.group, stream.target) for stream in streams]
    complete = [(stream.group, stream.completeness) for stream in streams]
    yield run.gauge("connections_open", "WebSocket connections that are open.", opened, "group")
    yield run.gauge("connections_target", "WebSocket connections that the plan wants now.", wanted, "group")
    yield run.gauge("completeness_ratio", "Deliveries to counted connections, of those expected.", complete, "group")


def _counted(run: Labels, summary: Summary) -> Iterator[Metric]:
    counts = [(group, name, count) for group, names in summary.counters.items() for name, count in names.items()]
    errors = [(group, name, count) for group, names in summary.errors.items() for name, count in names.items()]
    yield run.counter("counted", "Everything that was counted (docs/results.md).", bounded(counts), "group", "counter")
    yield run.counter("errors", "Errors by stable name.", bounded(errors), "group", "error")


def bounded(rows: list[tuple[str, str, int]], most: int = MOST) -> list[tuple[str, str, int]]:
    """The first `most` rows; the sum of the others under `other`.

    The order is that of first appearance: a series that is shown stays shown, else its counter would go away.
    """
    if len(rows) <= most:
        return rows
    return [*rows[:most], (OTHER, OTHER, sum(count for _, _, count in rows[most:]))]


def _measured(run: Labels, summary: Summary) -> Iterator[Metric]:
    names = ("group", "kind", "measure", "name")
    series = _bounded_series(summary.series)
    attempts = [(*key, its.count) for key, its in series.items()]
    failures = [(*key, its.failures) for key, its in series.items()]
    yield run.counter("attempts", "What was attempted, failures included.", attempts, *names)
    yield run.counter("failures", "What failed of it.", failures, *names)
    family = HistogramMetricFamily("loadtest_duration_seconds", "Times by measure.", labels=(*Labels.NAMES, *names))
    for key, its in series.items():
        family.add_metric(run.values(key), cumulative(its.histogram), its.histogram.total)
    yield family


def _bounded_series(series: dict[SeriesKey, Series]) -> dict[SeriesKey, Series]:
    """As `bounded`: one `other` for each kind and measure."""
    shown: dict[SeriesKey, Series] = {}
    for key, its in series.items():
        if len(shown) < MOST:
            shown[key] = its
            continue
        other = shown.setdefault(SeriesKey(OTHER, key.kind, key.measure, OTHER), Series())
        other.count += its.count
        other.failures += its.failures
        other.histogram.merge(its.histogram)
    return shown


def cumulative(histogram: Histogram) -> list[tuple[str, float]]:
    """(upper bound, how many up to it); the last is +Inf.

    Our own buckets are 0.1 % wide: one that spans a bound counts where its middle is.
    """
    counts = [0] * (len(BUCKETS) + 1)
    for middle, count in histogram.buckets():
        counts[bisect_left(BUCKETS, middle)] += count
    bounds = [*(str(bound) for bound in BUCKETS), "+Inf"]
    return [(bound, float(count)) for bound, count in zip(bounds, accumulate(counts), strict=True)]


def _workers(run: Labels, status: Status) -> Iterator[Metric]:
    workers = status.workers[:MOST]
    figures: list[tuple[str, str, Callable[[WorkerStatus], float | None]]] = [
        ("worker_users", "Users of a worker.", lambda its: its.users),
        ("worker_cpu_ratio", "Share of one core.", lambda its: its.cpu),
        ("worker_descriptors", "Open file descriptors.", lambda its: its.descriptors),
        ("worker_lag_seconds", "How late its event loop ran a timer.", lambda its: _seconds(its.lag_ms)),
        ("worker_clock_error_seconds", "Bound on its clock's offset.", lambda its: _seconds(its.clock_error_ms)),
        ("worker_clock_offset_seconds", "Target's clock minus its.", lambda its: _seconds(its.clock_offset_ms)),
        ("worker_last_report_seconds", "Age of its last report.", lambda its: its.last_report_s),
        ("worker_over_limit", "1 while it is over a limit.", lambda its: int(bool(its.over))),
    ]
    for name, text, figure in figures:
        yield run.gauge(name, text, [(worker.name, figure(worker)) for worker in workers], "worker")


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000


def _objectives(run: Labels, status: Status) -> Iterator[Metric]:
    outcomes = [(slo.text, outcome, int(slo.verdict == outcome)) for slo in status.slos for outcome in OUTCOMES]
    margins = [(slo.text, slo.margin) for slo in status.slos]
    yield run.gauge("slo", "1 for how the SLO would be judged now.", outcomes, "slo", "verdict")
    yield run.gauge("slo_margin_ratio", "How far from its limit it is; negative: breached.", margins, "slo")
