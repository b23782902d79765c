"""Two faults at once."""

import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    entries_of,
    lost_of,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until
from relay import Relay
from small_disk import SmallDisk

from loadtest.results.journal import Ended

pytestmark = [pytest.mark.cluster, pytest.mark.chaos, pytest.mark.timeout(240)]

USERS = 20
RUN = {"LOADTEST_RUN_ID": "the-run", "LOADTEST_CLUSTER_KEY": secrets.token_urlsafe(32)}


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def test_a_network_that_is_cut_while_the_master_restarts_costs_nothing_when_it_heals(
    backend: Server, tmp_path: Path
) -> None:
    """The new master gives the worker that it can't hear up after 15 s, and takes what it kept when it is back."""
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "55s"}])
    with (
        Cluster(tmp_path, profile, backend.url, **RUN) as cluster,
        Relay(int(cluster.environ["LOADTEST_MASTER_PORT"])) as relay,
    ):
        workers = [cluster.start("worker"), cluster.start("worker", LOADTEST_MASTER_PORT=str(relay.port))]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        relay.cut()
        master.kill()
        master.wait(10)
        time.sleep(2)  # this is the fault, not a wait for something
        second = cluster.start("master", "--headless", "--workers", "2")
        seconds_until(lambda: "has not come back within" in cluster.logs(), "the cut-off worker is given up")
        seconds_until(lambda: open_now(backend) == USERS + USERS // 2, "the other has its users")
        relay.heal()
        seconds_until(lambda: open_now(backend) == USERS, "it was told, and let its users go")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert run.code == 0, run.output
    assert lost_of(run)["handed_over"]
    assert accepted(backend) == USERS + USERS // 2
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert 55.5 < run.summary["duration_s"] < 58
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def test_a_disk_that_is_full_while_a_worker_dies_has_what_it_reported_once_there_is_room(
    backend: Server, tmp_path: Path
) -> None:
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "25s"}])
    with Cluster(tmp_path, profile, backend.url) as cluster, SmallDisk(cluster.out) as disk:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        disk.fill()
        until(lambda: "records.journal can't be written" in cluster.logs(), "the disk is full")
        workers[0].kill()
        seconds_until(lambda: open_now(backend) == USERS, "the other worker has its users")
        disk.free()
        seconds_until(lambda: "is written again" in cluster.logs(), "the journal is written again")
        run = cluster.finished(master)
        assert workers[1].wait(30) == 0
        assert run.code == 0, run.output
        loss = lost_of(run)
        assert (loss["users"], loss["connections"], loss["handed_over"]) == (USERS // 2, USERS // 2, False)
        assert accepted(backend) == USERS + USERS // 2 == run.counted("subscribers", "connected")
        assert run.summary["ledger"]["subscribers"]["lost_with_worker"] == USERS // 2
        assert isinstance(entries_of(run)[-1], Ended)
        assert_summary_is_the_sum_of_the_journal(run)
        assert_no_traceback(cluster)


@pytest.mark.parametrize("when", ["in mid-run", "in a drain"])
def test_a_disk_that_is_full_when_the_master_dies_costs_nothing_that_it_had_in_memory(
    backend: Server, tmp_path: Path, when: str
) -> None:
    """Workers keep what was acknowledged from memory, until the disk has it, for another master."""
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "20s"}])
    with Cluster(tmp_path, profile, backend.url, **RUN) as cluster, SmallDisk(cluster.out) as disk:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        disk.fill()
        until(lambda: "records.journal can't be written" in cluster.logs(), "the disk is full")
        if when == "in a drain":
            workers[0].send_signal(signal.SIGSTOP)  # the drain has something to wait for
            master.send_signal(signal.SIGTERM)
            until(lambda: open_now(backend) == USERS // 2, "the other's users have left")
            time.sleep(0.5)  # its last Record is acknowledged from memory by now, or is not: both must do
        master.kill()
        master.wait(10)
        workers[0].send_signal(signal.SIGCONT)
        disk.free()
        second = cluster.start("master", "--headless", "--workers", "2")
        seconds_until(lambda: "counts it" in cluster.logs(), "the workers are back")
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers] == [0, 0]
        assert run.code == 0, run.output
        assert run.summary["lost"] == [], run.output
        assert all(worker["complete"] for worker in run.summary["workers"])
        assert when == "in a drain" or accepted(backend) == USERS  # nobody was disconnected
        assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
        assert_summary_is_the_sum_of_the_journal(run)
        assert_no_traceback(cluster)
