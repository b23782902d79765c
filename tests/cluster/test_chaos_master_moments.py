"""Masters that die at each moment of a run and come back, and what is then in the result."""

import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    entries_of,
    journal_of,
    open_now,
    reported,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Run, Server, assert_counts_equal, demo_backend, until

from loadtest.results import Record
from loadtest.results.journal import Ended

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 20
RAMP = {"ramp": USERS, "over": "1s"}
RUN = {"LOADTEST_RUN_ID": "the-run", "LOADTEST_CLUSTER_KEY": secrets.token_urlsafe(32)}

short_and_long = pytest.mark.parametrize("away", [2, pytest.param(40, marks=pytest.mark.chaos)])
"""How long the master is away, in seconds."""


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def back_after(cluster: Cluster, master: "subprocess.Popen[str]", seconds: float) -> "subprocess.Popen[str]":
    """Kill the master, and start another after this long."""
    master.kill()
    master.wait(10)
    time.sleep(seconds)  # this is the fault, not a wait for something
    return cluster.start("master", "--headless", "--workers", "2")


def rejoined(cluster: Cluster) -> bool:
    return "counts it" in cluster.logs()


def assert_nothing_is_missing(run: Run, backend: Server, cluster: Cluster) -> None:
    assert run.code == 0, run.output
    assert run.summary["lost"] == [], run.output
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert accepted(backend) == USERS  # nobody was disconnected, nobody was placed twice
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert isinstance(entries_of(run)[-1], Ended)
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


@pytest.mark.chaos
def test_a_master_that_is_killed_in_the_ramp_up_and_comes_back_after_40_s_has_all_users_placed(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "30s"}, {"hold": "30s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load, rebalance_rate=5), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: 0 < reported(cluster) < USERS, "the ramp has begun")
        second = back_after(cluster, master, 40)
        seconds_until(lambda: rejoined(cluster), "the workers are back")
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert_nothing_is_missing(run, backend, cluster)
    assert 59.5 < run.summary["duration_s"] < 62


@short_and_long
def test_a_master_that_is_killed_in_the_ramp_down_has_the_end_that_was_planned(
    backend: Server, tmp_path: Path, away: float
) -> None:
    load = [RAMP, {"hold": "3s"}, {"ramp": 0, "over": f"{away + 12}s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        until(lambda: open_now(backend) < USERS - 1, "the ramp down has begun")
        second = back_after(cluster, master, away)
        seconds_until(lambda: rejoined(cluster), "the workers are back")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert_nothing_is_missing(run, backend, cluster)
    assert away + 15.5 < run.summary["duration_s"] < away + 18


@short_and_long
def test_a_master_that_is_killed_while_it_drains_comes_back_to_every_last_second(
    backend: Server, tmp_path: Path, away: float
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, [RAMP, {"hold": "4s"}]), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        workers[0].send_signal(signal.SIGSTOP)  # the drain has something to wait for
        until(lambda: open_now(backend) == USERS // 2, "the other's users have left")
        master.kill()
        workers[0].send_signal(signal.SIGCONT)
        second = back_after(cluster, master, away)
        seconds_until(lambda: rejoined(cluster), "the workers are back")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    if run.code == 3:  # it stood still: its timings are void, its counts are not
        assert "stood still" in run.summary["why"] or "lag" in run.summary["why"], run.output
        run.code = 0
    assert_nothing_is_missing(run, backend, cluster)


def test_a_master_that_dies_while_a_signal_s_drain_is_on_goes_on_with_workers_that_had_drained_already(
    backend: Server, tmp_path: Path
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, [RAMP, {"hold": "14s"}]), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        workers[0].send_signal(signal.SIGSTOP)  # the drain has something to wait for
        master.send_signal(signal.SIGTERM)
        until(lambda: open_now(backend) == USERS // 2, "the other's users have left")
        until(lambda: handed_over(cluster), "and it has handed everything over")
        master.kill()
        workers[0].send_signal(signal.SIGCONT)
        second = back_after(cluster, master, 0.5)
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users again")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert run.summary["lost"] == [], run.output
    assert accepted(backend) in (USERS + USERS // 2, 2 * USERS)  # the frozen one may find the Drain when it thaws
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert 14.5 < run.summary["duration_s"] < 17
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def handed_over(cluster: Cluster) -> bool:
    return any(isinstance(entry, Record) and entry.final for entry in journal_of(cluster))


def test_a_master_that_is_killed_while_it_waits_for_workers_begins_with_the_same_ones(
    backend: Server, tmp_path: Path
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, [RAMP, {"hold": "4s"}]), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker")]
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: "1 workers connected" in cluster.logs(), "one of two workers is there")
        second = back_after(cluster, master, 2)
        seconds_until(lambda: "1 workers connected" in (tmp_path / "master-2.log").read_text(), "it is there again")
        workers.append(cluster.start("worker"))
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert_nothing_is_missing(run, backend, cluster)
    assert len(run.summary["workers"]) == 2
    assert 4.5 < run.summary["duration_s"] < 7
