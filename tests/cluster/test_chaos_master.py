"""Masters that die in mid-run and come back, or never do."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    entries_of,
    market,
    open_now,
    reported,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until

from loadtest.results.journal import Ended, Resumed

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 40
RUN = {"LOADTEST_RUN_ID": "the-run", "LOADTEST_CLUSTER_KEY": secrets.token_urlsafe(32)}
"""With a key: coming back must work on an encrypted control port as well."""


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def test_a_master_that_dies_is_taken_over_from_without_disconnecting_anyone_and_nothing_is_missing(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "2s"}, {"hold": "16s"}, {"ramp": 0, "over": "2s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN) as cluster:
        workers = [cluster.start("worker") for _ in range(3)]
        master = cluster.start("master", "--headless", "--workers", "3")
        until_steady(cluster, backend, USERS)
        master.kill()
        master.wait(10)
        until(lambda: "the master has been silent for" in cluster.logs(), "the workers have noticed")
        second = cluster.start("master", "--headless", "--workers", "3")
        seconds_until(lambda: rejoined(cluster), "the workers are back")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0, 0]
    assert run.code == 0, run.output
    assert run.directory is not None
    assert run.directory.name == "the-run"
    assert run.summary["verdict"] == "pass"
    assert accepted(backend) == USERS  # nobody was disconnected, nobody was placed twice
    assert run.summary["lost"] == []
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert 19.5 < run.summary["duration_s"] < 22  # it ended when it would have ended
    (resumed,) = (entry for entry in entries_of(run) if isinstance(entry, Resumed))
    assert 5 < resumed.at < 18
    assert isinstance(entries_of(run)[-1], Ended)
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def rejoined(cluster: Cluster) -> bool:
    return "counts it" in cluster.logs()


def test_a_master_that_dies_in_the_ramp_is_taken_over_from_at_the_right_point_of_it(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "16s"}, {"hold": "3s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN) as cluster:
        for _ in range(2):
            cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: accepted(backend) >= 8, "the ramp has begun")
        until(lambda: reported(cluster) > 0, "something is on disk")
        master.kill()
        master.wait(10)
        held = open_now(backend)
        second = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: open_now(backend) == USERS, "all users connected")
        run = cluster.finished(second)
    assert held < USERS
    assert run.code == 0, run.output
    assert accepted(backend) == USERS
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)


def test_a_run_that_is_over_is_never_gone_on_with(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": 4, "over": "1s"}, {"hold": "2s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN) as cluster:
        cluster.start("worker")
        run = cluster.finished(cluster.start("master", "--headless"))
        assert run.code == 0, run.output
        summary = (cluster.out / "the-run" / "summary.json").read_bytes()
        for arguments in ((), ("--resume", str(cluster.out / "the-run"))):
            assert cluster.start("master", "--headless", *arguments).wait(60) == 2
    assert cluster.logs().count("run the-run is over, its result is in") == 2
    assert (cluster.out / "the-run" / "summary.json").read_bytes() == summary
    assert market(backend) == (4, 0)


def test_workers_whose_master_never_comes_back_end_with_their_plan_and_then_stop_with_a_code(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "4s"}]
    patience = {"LOADTEST_MASTER_PATIENCE": "16"}
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN, **patience) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        master.kill()
        seconds_until(lambda: open_now(backend) == 0, "the load has ended with its plan")
        assert all(worker.poll() is None for worker in workers)  # they wait with what they have counted
        assert [worker.wait(60) for worker in workers] == [3, 3]
    assert "seconds of its results were never taken" in cluster.logs()
    assert_no_traceback(cluster)


@pytest.mark.chaos
def test_a_master_that_comes_back_after_40_s_misses_nothing(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "2s"}, {"hold": "60s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, **RUN) as cluster:
        for _ in range(3):
            cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "3")
        until_steady(cluster, backend, USERS)
        master.kill()
        master.wait(10)
        time.sleep(40)  # this is the fault, not a wait for something
        second = cluster.start("master", "--headless", "--workers", "3")
        seconds_until(lambda: rejoined(cluster), "the workers are back")
        run = cluster.finished(second)
    assert run.code == 0, run.output
    assert accepted(backend) == USERS
    assert run.summary["lost"] == []
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)
