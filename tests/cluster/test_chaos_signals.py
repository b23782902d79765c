"""SIGTERM and SIGINT at each stage of a run, once and twice: exit codes, what is left, and who is left."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Run, Server, assert_counts_equal, demo_backend, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20
LOAD = [{"ramp": USERS, "over": "5s"}, {"hold": "6s"}, {"ramp": 0, "over": "10s"}]
STAGES = ("waiting", "ramp-up", "plateau", "ramp-down", "draining")
SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def short_ones(*short: tuple[str, signal.Signals]) -> pytest.MarkDecorator:
    """Every stage with each signal; those that are not `short` only in `make chaos`."""
    cases = [
        pytest.param(stage, number, marks=() if (stage, number) in short else pytest.mark.chaos)
        for stage in STAGES
        for number in SIGNALS
    ]
    return pytest.mark.parametrize(("stage", "number"), cases)


def reach(stage: str, cluster: Cluster, backend: Server, workers: "list[subprocess.Popen[str]]") -> None:
    """Wait until the run is there."""
    if stage == "waiting":
        until(lambda: "1 workers connected" in cluster.logs(), "one of two workers is there")
        return
    if stage == "ramp-up":
        until(lambda: 2 <= open_now(backend) < USERS, "the ramp has begun")
        return
    until_steady(cluster, backend, USERS)
    if stage == "ramp-down":
        until(lambda: open_now(backend) < USERS - 2, "the ramp down has begun")
    elif stage == "draining":
        workers[0].send_signal(signal.SIGSTOP)  # the drain has something to wait for
        until(lambda: open_now(backend) <= USERS // 2, "the other's users have left")


def started(cluster: Cluster, stage: str) -> "tuple[list[subprocess.Popen[str]], subprocess.Popen[str]]":
    workers = [cluster.start("worker") for _ in range(1 if stage == "waiting" else 2)]
    return workers, cluster.start("master", "--headless", "--workers", "2")


def profile(folder: Path, stage: str) -> Path:
    load = [*LOAD[:1], {"hold": "3s"}] if stage == "draining" else LOAD
    return write_profile(folder, load)


def assert_the_result_is_whole(run: Run, backend: Server) -> None:
    assert run.directory is not None, run.output
    assert all((run.directory / name).stat().st_size for name in ("summary.json", "report.html", "junit.xml"))
    assert all(worker["complete"] for worker in run.summary["workers"]), run.output
    assert run.summary["lost"] == [], run.output
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)


@short_ones(("ramp-up", signal.SIGINT), ("draining", signal.SIGTERM))
def test_a_signal_to_the_master_ends_the_run_in_order_whatever_it_is_doing(
    backend: Server, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    with Cluster(tmp_path, profile(tmp_path, stage), backend.url) as cluster:
        workers, master = started(cluster, stage)
        reach(stage, cluster, backend, workers)
        master.send_signal(number)
        if stage == "draining":
            until(lambda: f"got {number.name}" in cluster.logs(), "the signal was seen")
            workers[0].send_signal(signal.SIGCONT)
        seconds_until(lambda: master.poll() is not None, f"{number.name} while {stage}: the master has ended")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0] * len(workers)
    assert_no_traceback(cluster)
    assert open_now(backend) == 0
    if stage == "waiting":
        assert (run.code, run.directory, accepted(backend)) == (130, None, 0), run.output
        return
    if stage == "draining":  # its plan was over: it is judged; a worker that stood still makes timings void
        assert run.code in (0, 3), run.output
        assert run.summary["verdict"] in ("pass", "invalid")
    else:
        assert (run.code, run.summary["verdict"]) == (130, "interrupted"), run.output
    assert_the_result_is_whole(run, backend)


@short_ones(("draining", signal.SIGINT))
def test_a_second_signal_to_the_master_leaves_at_once_and_no_worker_stays_for_long(
    backend: Server, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    with Cluster(tmp_path, profile(tmp_path, stage), backend.url, LOADTEST_MASTER_PATIENCE="6") as cluster:
        workers, master = started(cluster, stage)
        reach(stage, cluster, backend, workers)
        frozen = stage in ("draining", "ramp-up", "plateau", "ramp-down")
        if frozen:
            workers[0].send_signal(signal.SIGSTOP)  # else the drain is over before the second signal
        for _ in range(2):
            if master.poll() is None:
                master.send_signal(number)
            until(lambda: f"got {number.name}" in cluster.logs() or master.poll() is not None, "the signal was seen")
        seconds_until(lambda: master.poll() is not None, f"{number.name} twice while {stage}: the master has ended", 10)
        if frozen:
            workers[0].send_signal(signal.SIGCONT)
        codes = [worker.wait(60) for worker in workers]
        assert master.wait(1) == 130
        assert set(codes) <= {0, 3}, cluster.logs()  # told to quit, or left alone by its master
    until(lambda: open_now(backend) == 0, "nobody is connected any more")
    assert_no_traceback(cluster)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "stage",
    ["waiting", pytest.param("ramp-up", marks=pytest.mark.chaos), pytest.param("ramp-down", marks=pytest.mark.chaos)],
)
def test_a_signal_to_the_last_worker_ends_the_worker_and_not_the_master(
    backend: Server, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster:
        first = cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2" if stage == "waiting" else "1")
        reach(stage, cluster, backend, [first])
        first.send_signal(number)
        assert first.wait(40) == 0, cluster.logs()
        until(lambda: "has left" in cluster.logs(), "the master knows that it has left")
        others = [cluster.start("worker") for _ in range(2 if stage == "waiting" else 1)]
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in others] == [0] * len(others)
    assert run.code == 0, run.output
    assert run.summary["lost"] == [], run.output
    assert "not heard for" not in run.output
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


EARLY = """
import os, signal, sys
if "--worker" in sys.orig_argv:
    from locust import events
    events.init.add_listener(lambda **_: os.kill(os.getpid(), signal.{name}))
"""
"""Comes before our own listener: the master counts this worker, and nobody has looked at signals."""


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_to_a_worker_that_has_just_connected_ends_it_in_good_order(
    backend: Server, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "sitecustomize.py").write_text(EARLY.format(name=number.name))
    with Cluster(tmp_path, write_profile(tmp_path, [{"step": 4}, {"hold": "2s"}]), backend.url) as cluster:
        master = cluster.start("master", "--headless", "--workers", "2")
        first = cluster.start("worker", PYTHONPATH=str(tmp_path))
        assert first.wait(40) == 0, cluster.logs()
        until(lambda: "has left" in cluster.logs(), "the master knows that it has left")
        others = [cluster.start("worker") for _ in range(2)]
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in others] == [0, 0]
    assert run.code == 0, run.output
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)
