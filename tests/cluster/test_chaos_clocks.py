"""Clocks that are set in mid-run: a worker's, which must not matter, and the server's, which must not be believed."""

from pathlib import Path
from typing import Any

import pytest
from chaos import (
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    entries_of,
    reported_until,
    until_steady,
    write_profile,
)
from faketime import Faked
from programs import Cluster, Run, assert_counts_equal, demo_backend

from loadtest.histogram import Histogram
from loadtest.results import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20
DELAY_S = 0.05
"""How long the backend holds every message: what has to be measured."""
HOUR_S = 3600.0


def stepped(tmp_path: Path, **changes: Any) -> Path:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "13s"}]
    limits = dict.fromkeys(("lag", "cpu", "cpu_wait", "gc"), "off")  # a busy machine is another test's
    return write_profile(tmp_path, load, limits=limits, **changes)


def deliveries(run: Run, worker: str) -> list[tuple[int, Histogram, dict[str, float]]]:
    """(second, its delivery latencies, its health) of each Record of a worker that has some."""
    return [
        (entry.second, Histogram.from_wire(measured.histogram), entry.health)
        for entry in entries_of(run)
        if isinstance(entry, Record) and entry.worker == worker
        for measured in entry.series
        if measured.measure == "delivery" and measured.histogram is not None
    ]


def test_a_worker_s_clock_that_is_set_by_an_hour_changes_neither_latency_nor_rates_nor_counts(tmp_path: Path) -> None:
    clock = Faked(tmp_path, "worker")
    profile = stepped(tmp_path, slo=["errors < 1%", "websocket delivery p50 < 80ms", "websocket delivery p50 > 45ms"])
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url) as cluster:
        backend.faults({"kind": "delay", "path": "/ws/market", "size": DELAY_S})
        workers = [cluster.start("worker", **clock.environ), cluster.start("worker")]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        reported_until(cluster, 3)
        clock.step(HOUR_S)
        reported_until(cluster, 7)
        clock.step(-HOUR_S)
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0, 0]
        theirs = backend.stats()
    assert run.code == 0, run.output
    assert 13.5 < run.summary["duration_s"] < 16
    assert_counts_equal(run, theirs, {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)
    for worker in run.summary["workers"]:
        told = deliveries(run, worker["name"])
        assert len(told) > 10
        for second, times, health in told:
            assert times.min is not None
            assert times.max is not None
            assert times.clamped == 0
            assert "clock_step" not in health, second
            assert DELAY_S - health["clock_error"] <= times.min, (second, health)


@pytest.mark.parametrize(
    ("step", "second"),
    [
        (0.4, 4),  # less than limits.clock_error: no second is excluded for it
        pytest.param(5.0, 4, marks=pytest.mark.chaos),
        pytest.param(-5.0, 12, marks=pytest.mark.chaos),  # at the end, after the last regular exchange
    ],
)
def test_a_server_s_clock_that_is_set_in_mid_run_leaves_no_verdict_on_latency_and_is_told_of(
    tmp_path: Path, step: float, second: int
) -> None:
    clock = Faked(tmp_path, "server")
    profile = stepped(tmp_path, slo=["errors < 1%", "websocket delivery p99 < 100ms"])
    with demo_backend(clock.environ) as backend, Cluster(tmp_path, profile, backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        reported_until(cluster, second)
        clock.step(step)
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0, 0]
        theirs = backend.stats()
    (latency,) = (slo for slo in run.summary["slo"] if "delivery" in slo["text"])
    assert latency["verdict"] == "no-data", run.output
    assert (run.code, run.summary["verdict"] in ("no-data", "invalid")) == (3, True), run.output
    assert latency["error"] == pytest.approx(abs(step) * 1000, abs=20)
    assert "the target's clock was set by" in run.output
    assert "e+0" not in run.output
    assert_counts_equal(run, theirs, {"subscribers": "market"})
    assert_no_traceback(cluster)
