"""Workers that all die in the ramp, freeze in it for long, or die while there is no master (`make chaos`)."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chaos import (
    accepted,
    assert_what_was_reported_is_all_there,
    closed_in_order,
    freeze,
    lost_of,
    open_now,
    seconds_until,
    start_cluster,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, demo_backend, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 40
RATE = 2.0
"""Users a second of a slow ramp."""
SLOW = f"{USERS / RATE:g}s"
REBALANCE = 5.0
SOON = {"LOADTEST_WORKER_LOST_AFTER": "2.5"}


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def profile(folder: Path, *load: dict[str, Any]) -> Path:
    return write_profile(folder, list(load), rebalance_rate=REBALANCE)


@pytest.mark.chaos
def test_a_run_whose_workers_all_die_in_the_ramp_goes_on_along_its_plan_with_others(
    backend: Server, tmp_path: Path
) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": SLOW}, {"hold": "12s"})
    with Cluster(tmp_path, path, backend.url, **SOON) as cluster:
        workers, master = start_cluster(cluster, 2)
        until(lambda: open_now(backend) >= USERS // 3, "a third of the ramp")
        for worker in workers:
            worker.kill()
        until(lambda: cluster.logs().count("is lost: not heard") == 2, "both losses were noticed")
        cluster.start("worker")
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users")
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert len(run.summary["lost"]) == 2
    died = accepted(backend) - closed_in_order(backend)
    assert accepted(backend) == USERS + died
    assert_what_was_reported_is_all_there(run, backend, cluster, unreported=8)


@pytest.mark.chaos
@pytest.mark.parametrize("seconds", [8, 90])
def test_a_worker_that_freezes_in_the_ramp_up_comes_back_as_a_new_one(
    backend: Server, tmp_path: Path, seconds: int
) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": SLOW}, {"hold": f"{seconds + 8}s"})
    with Cluster(tmp_path, path, backend.url, **SOON) as cluster:
        workers, master = start_cluster(cluster, 4)
        until(lambda: open_now(backend) >= USERS // 2, "half of the ramp")
        freeze(workers[0], seconds)
        seconds_until(lambda: "is back" in cluster.logs(), "it joined anew")
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users, and no more")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0] * 4
    assert run.code in (0, 3), run.output  # a worker stood still in the ramp: not on the plateau
    assert lost_of(run)["handed_over"]
    assert lost_of(run)["seconds"] == 0
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_what_was_reported_is_all_there(run, backend, cluster)


@pytest.mark.chaos
def test_a_worker_that_dies_while_there_is_no_master_is_given_up_by_the_next_one(
    backend: Server, tmp_path: Path
) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": "1s"}, {"hold": "40s"})
    with Cluster(tmp_path, path, backend.url, LOADTEST_RUN_ID="the-run") as cluster:
        workers, master = start_cluster(cluster, 4)
        until_steady(cluster, backend, USERS)
        master.kill()
        master.wait(10)
        time.sleep(1)  # this is the fault, not a wait for something
        workers[0].kill()
        second = cluster.start("master", "--headless", "--workers", "4")
        until(lambda: open_now(backend) == USERS - 10, "the backend saw its connections go")
        seconds_until(lambda: open_now(backend) == USERS, "its users are on the others")
        run = cluster.finished(second)
        assert [worker.wait(30) for worker in workers[1:]] == [0] * 3
    assert run.code == 0, run.output
    assert accepted(backend) == USERS + 10
    loss = lost_of(run)
    assert (loss["users"], loss["connections"], loss["handed_over"]) == (10, 10, False)
    assert_what_was_reported_is_all_there(run, backend, cluster)
