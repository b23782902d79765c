"""monitor/exposition.py: what Prometheus reads, worked out by hand."""

import msgspec
import pytest
from monitored import measured, record, summed
from prometheus_client.parser import text_string_to_metric_families

from loadtest.histogram import Histogram
from loadtest.monitor import Moment, Seen, Span, exposition, status_of
from loadtest.monitor.exposition import BUCKETS, MOST, OTHER, bounded, cumulative
from loadtest.results import Record, Summary
from loadtest.slo import parse

MOMENT = Moment(
    run_id="r1",
    profile="smoke",
    targets=("http://a",),
    elapsed=4.0,
    kinds={"market": "websocket"},
    thresholds=(parse("market delivery p99 < 20ms", {"market": "websocket"}),),
    workers=(Seen("w1", "running", 2, 3, {"cpu": 0.5, "lag_max": 0.002, "descriptors": 9.0}),),
)


def scraped(summary: Summary, moment: Moment = MOMENT) -> dict[tuple[str, ...], float]:
    """(sample, label values but the run's, sorted by name) -> value; every sample has the run's labels."""
    text = exposition(status_of(moment, summary, Span.sum([])), summary)
    found: dict[tuple[str, ...], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("run_id"), labels.pop("profile")) == (moment.run_id, moment.profile)
            found[(sample.name, *(value for _, value in sorted(labels.items())))] = sample.value
    return found


def seen(second: int) -> Record:
    return record(
        second,
        measured("market", "delivery", [0.0004, 0.003, 0.003, 70.0], failures=2),
        counters={"market": {"connects": 5, "connected": 4, "closed_by_us": 1, "messages": 4}},
        errors={"market": {"connect: HTTP 403": 1}},
    )


def one() -> Summary:
    return summed(seen(0))


def test_times_are_a_histogram_with_classic_buckets() -> None:
    found = scraped(one())
    key = ("market", "websocket", "delivery", "/x")  # group, kind, measure, name: and le between kind and measure
    buckets = {
        le: found[("loadtest_duration_seconds_bucket", "market", "websocket", le, "delivery", "/x")]
        for le in ("0.0005", "0.001", "0.0025", "0.005", "60.0", "+Inf")
    }
    assert buckets == {"0.0005": 1, "0.001": 1, "0.0025": 1, "0.005": 3, "60.0": 3, "+Inf": 4}
    assert found[("loadtest_duration_seconds_count", *key)] == 4
    assert found[("loadtest_duration_seconds_sum", *key)] == pytest.approx(70.0064)
    assert found[("loadtest_attempts_total", *key)] == 6
    assert found[("loadtest_failures_total", *key)] == 2


def test_what_was_counted_is_a_counter() -> None:
    found = scraped(one())
    assert found[("loadtest_counted_total", "messages", "market")] == 4
    assert found[("loadtest_counted_total", "connects", "market")] == 5
    assert found[("loadtest_errors_total", "connect: HTTP 403", "market")] == 1
    assert found[("loadtest_connections_open", "market")] == 3


def test_what_was_refused_is_counted_by_port_and_reason() -> None:
    refused = {("web", "that broke"): 3, ("control", "bytes that are no message"): 2}
    text = exposition(status_of(MOMENT, one(), Span.sum([])), one(), refused)
    told = 'port="control",profile="smoke",run_id="r1",why="bytes that are no message"'
    assert f"loadtest_refused_total{{{told}}} 2.0" in text
    assert 'port="web",profile="smoke",run_id="r1",why="that broke"} 3.0' in text


def test_the_run_its_workers_and_its_slos_are_gauges() -> None:
    found = scraped(one())
    assert found[("loadtest_run_state", "running")] == 1
    assert found[("loadtest_run_state", "ended")] == 0
    assert found[("loadtest_run_elapsed_seconds",)] == 4
    assert found[("loadtest_users",)] == 3
    assert found[("loadtest_worker_cpu_ratio", "w1")] == 0.5
    assert found[("loadtest_worker_lag_seconds", "w1")] == 0.002
    assert found[("loadtest_worker_last_report_seconds", "w1")] == 2
    text = "market delivery p99 < 20ms"
    assert found[("loadtest_slo", text, "fail")] == 1  # 70 s
    assert found[("loadtest_slo", text, "pass")] == 0
    assert found[("loadtest_slo_margin_ratio", text)] == pytest.approx(-3499, rel=0.001)


def test_what_is_not_known_is_not_exposed() -> None:
    assert ("loadtest_worker_clock_error_seconds", "w1") not in scraped(one())
    assert ("loadtest_run_planned_seconds",) not in scraped(one())


def test_counters_only_grow() -> None:
    summary = one()
    before = scraped(summary)
    assert summary.add(seen(1))
    after = scraped(summary)
    totals = [key for key in before if key[0].endswith(("_total", "_bucket", "_count", "_sum"))]
    assert all(after[key] >= before[key] for key in totals)
    assert after[("loadtest_counted_total", "messages", "market")] == 8


def test_a_value_is_on_its_side_of_every_bound() -> None:
    below, above = Histogram(), Histogram()
    for bound in BUCKETS:
        below.record(bound * 0.999)
        above.record(bound * 1.001)
    assert [count for _, count in cumulative(below)] == [*range(1, len(BUCKETS) + 1), len(BUCKETS)]
    assert [count for _, count in cumulative(above)] == [*range(len(BUCKETS)), len(BUCKETS)]


def test_names_without_end_are_summed_under_other() -> None:
    rows = [("g", f"e{n}", 2) for n in range(MOST + 3)]
    assert bounded(rows)[-1] == (OTHER, OTHER, 6)
    assert len(bounded(rows)) == MOST + 1
    many = summed(
        *(
            record(n, msgspec.structs.replace(measured("g", "response", [0.1], kind="rest"), name=f"/{n}"))
            for n in range(MOST + 3)
        )
    )
    found = scraped(many)
    assert found[("loadtest_duration_seconds_count", OTHER, "rest", "response", OTHER)] == 3
    assert sum(value for key, value in found.items() if key[0] == "loadtest_attempts_total") == MOST + 3
