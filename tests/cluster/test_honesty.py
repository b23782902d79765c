"""What would make a result a lie, done on purpose: a starved generator, a known delay, clocks that are wrong."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from faketime import NO_MONOTONIC, libfaketime
from programs import Cluster, Run, demo_backend

from loadtest.histogram import Histogram
from loadtest.results import Record
from loadtest.results.journal import Reader

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


def written(folder: Path, **profile: Any) -> Path:
    path = folder / "profiles" / "honest.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"name": "honest", "target": {"url": "demo", "clock": "/time"}, **profile}))
    return path


@contextmanager
def busy_loops(cpu: int, count: int) -> Iterator[None]:
    """Others that want all of one CPU."""
    code = f"import os; os.sched_setaffinity(0, {{{cpu}}})\nwhile True: pass"
    loops = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def test_a_worker_that_is_starved_of_cpu_makes_the_run_invalid_and_not_its_latency_bad(tmp_path: Path) -> None:
    profile = written(
        tmp_path,
        users={"pollers": {"pace": {"pause": "0s"}, "requests": [{"get": "/health"}]}},
        load=[{"ramp": 16, "over": "1s"}, {"hold": "8s"}],
        slo=["rest response p99 < 1ms", "errors < 1%"],  # breached with certainty
    )
    cpu = min(os.sched_getaffinity(0))
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url) as cluster:
        master = cluster.start("master", "--headless", "--workers", "2")
        cluster.start("worker")
        starved = cluster.start("worker")
        with busy_loops(cpu, 5):
            os.sched_setaffinity(starved.pid, {cpu})
            run = cluster.finished(master)
    assert (run.code, run.summary["verdict"]) == (3, "invalid"), run.output
    worst = run.summary["excluded"]["by_limit"][0]
    assert worst["worker"] in run.summary["why"]
    assert worst["limit"] in ("cpu_wait", "lag")
    assert f"limits.{worst['limit']}" in run.summary["why"]
    assert "more workers" in run.summary["why"] or "a CPU of its own" in run.summary["why"]
    (response,) = (metric for metric in run.summary["metrics"] if metric["measure"] == "response")
    assert response["samples"] + response["excluded"] + response["failures"] == response["count"]
    assert response["excluded"] > 0


DELAY_S = 0.05
STREAM = {
    "market": {
        "websocket": "/ws/market",
        "expect": {"keys": ["quotes"]},
        "not_data": [{"binary": True}, {"keys": ["type"]}],
        "send_time": {"field": "server_time"},
    }
}
NOISE_S = 0.005
"""What a busy machine may add even to the fastest of hundreds of messages."""


def deliveries(run: Run) -> dict[str, tuple[Histogram, float]]:
    """Worker -> its delivery latencies, and the widest bound on its clock's error."""
    assert run.directory is not None
    found: dict[str, tuple[Histogram, float]] = {}
    for entry in Reader().feed((run.directory / "records.journal").read_bytes()):
        if isinstance(entry, Record):
            times, error = found.get(entry.worker, (Histogram(), 0.0))
            for measured in entry.series:
                if measured.measure == "delivery" and measured.histogram is not None:
                    times.merge(Histogram.from_wire(measured.histogram))
            found[entry.worker] = times, max(error, entry.health.get("clock_error", 0.0))
    return found


def run_with_delay(folder: Path, clock: str = "/time", *environs: dict[str, str]) -> Run:
    """Two workers, each with its environment, and a backend that holds every message for DELAY_S."""
    profile = written(
        folder,
        target={"url": "demo", "clock": clock},
        users=STREAM,
        load=[{"ramp": 10, "over": "1s"}, {"hold": "7s"}],
        slo=["errors < 1%"],
        limits=dict.fromkeys(("lag", "cpu", "cpu_wait", "gc"), "off"),  # a busy machine is another test's
    )
    with demo_backend() as backend, Cluster(folder, profile, backend.url) as cluster:
        backend.faults({"kind": "delay", "path": "/ws/market", "size": DELAY_S})
        master = cluster.start("master", "--headless", "--workers", "2")
        for environ in environs or ({}, {}):
            cluster.start("worker", **environ)
        run = cluster.finished(master)
    assert run.code == 0, run.output
    return run


def assert_the_delay_was_measured(run: Run) -> None:
    by_worker = deliveries(run)
    assert len(by_worker) == 2
    for times, error in by_worker.values():
        assert times.count > 20
        assert times.min is not None
        assert DELAY_S - error <= times.min <= DELAY_S + error + NOISE_S, run.output


def test_a_delay_of_50_ms_is_measured_as_50_ms_within_the_stated_error(tmp_path: Path) -> None:
    assert_the_delay_was_measured(run_with_delay(tmp_path))


def test_the_same_with_one_workers_clock_30_s_ahead_and_anothers_drifting(tmp_path: Path) -> None:
    """Only what tells a process the time of day is faked: no setting of a clock moves CLOCK_MONOTONIC.

    The kernel stamps what it receives by the true time, which on a real machine is the same clock. At double speed the
    worker sees at once that the two differ, and takes the moment of the read; a slow drift would look like a late read.
    """
    wrong = {"LD_PRELOAD": libfaketime(), **NO_MONOTONIC}
    ahead, drifting = {**wrong, "FAKETIME": "+30s"}, {**wrong, "FAKETIME": "+0 x2"}
    assert_the_delay_was_measured(run_with_delay(tmp_path, "/time", ahead, drifting))
