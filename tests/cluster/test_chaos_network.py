"""Networks that stall and are slow between a worker and its master."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    journal_of,
    lost_of,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until
from relay import Relay

from loadtest.results import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 40
KEY = secrets.token_urlsafe(32)
"""Reconnecting must work on an encrypted control port as well."""


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def master_port(cluster: Cluster) -> int:
    return int(cluster.environ["LOADTEST_MASTER_PORT"])


def test_a_worker_that_is_cut_off_goes_on_and_hands_over_everything_when_the_network_heals(
    backend: Server, tmp_path: Path
) -> None:
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "28s"}])
    with (
        Cluster(tmp_path, profile, backend.url, LOADTEST_WORKER_LOST_AFTER="2.5", LOADTEST_CLUSTER_KEY=KEY) as cluster,
        Relay(master_port(cluster)) as relay,
    ):
        cluster.start("worker")
        cut_off = cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        relay.cut()
        until(lambda: open_now(backend) == USERS + 20, "the others have its users, and so has it")
        until(lambda: "the master has been silent for 10 s" in cluster.logs(), "it goes on without the master")
        relay.heal()
        seconds_until(lambda: open_now(backend) == USERS, "it was told, and let its users go")
        run = cluster.finished(master)
        assert cut_off.wait(30) == 0
    assert run.code == 0, run.output
    loss = lost_of(run)
    assert (loss["users"], loss["handed_over"], loss["seconds"]) == (20, True, 0)
    assert accepted(backend) == USERS + 20
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


@pytest.mark.chaos
def test_a_worker_that_is_cut_off_for_20_s_when_the_run_ends_is_waited_for(backend: Server, tmp_path: Path) -> None:
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "8s"}])
    with (
        Cluster(tmp_path, profile, backend.url, LOADTEST_CLUSTER_KEY=KEY) as cluster,
        Relay(master_port(cluster)) as relay,
    ):
        cluster.start("worker")
        cut_off = cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        until(lambda: seconds_of_run(cluster) > 7, "the end is near")
        relay.cut()
        time.sleep(20)  # this is the fault, not a wait for something
        assert master.poll() is None
        relay.heal()
        seconds_until(lambda: master.poll() is not None, "the run has its verdict")
        run = cluster.finished(master)
        assert cut_off.wait(30) == 0
    assert run.code == 0, run.output
    assert run.summary["lost"] == [], run.output
    assert accepted(backend) == USERS
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def seconds_of_run(cluster: Cluster) -> int:
    return max((entry.second for entry in journal_of(cluster) if isinstance(entry, Record)), default=0)


def test_a_slow_network_between_worker_and_master_changes_no_count(backend: Server, tmp_path: Path) -> None:
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "4s"}])
    with Cluster(tmp_path, profile, backend.url) as cluster, Relay(master_port(cluster), delay=0.2) as relay:
        workers = [cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port)) for _ in range(2)]
        run = cluster.finished(cluster.start("master", "--headless", "--workers", "2"))
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert run.code == 0, run.output
    assert run.summary["lost"] == []
    assert accepted(backend) == USERS
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)
