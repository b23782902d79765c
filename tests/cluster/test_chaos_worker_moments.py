"""Workers that die or freeze at each moment of a run, and in pairs with something else that breaks."""

import signal
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
    share,
    start_cluster,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until

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


def test_a_worker_that_is_killed_in_the_ramp_up_leaves_no_dent_in_the_plateau(backend: Server, tmp_path: Path) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": SLOW}, {"hold": "6s"})
    with Cluster(tmp_path, path, backend.url) as cluster:
        workers, master = start_cluster(cluster, 4)
        until(lambda: open_now(backend) >= USERS // 2, "half of the ramp")
        before = accepted(backend)
        workers[0].kill()
        killed = time.monotonic()
        until(lambda: open_now(backend) <= USERS * 3 // 4, "the backend saw its connections go")
        began = seconds_until(
            lambda: accepted(backend) > before + 2 + RATE * (time.monotonic() - killed),
            "more come than ramp up",
        )
        seconds_until(lambda: open_now(backend) == USERS, "the plan has its users")
        run = cluster.finished(master)
    assert began < 7.0  # within 5 s it starts; at RATE and REBALANCE it takes another to be seen
    assert run.code == 0, run.output
    loss = lost_of(run)
    assert 1 <= loss["users"] <= share(before + 4, 4)
    assert 0 <= loss["seconds"] <= 8
    died = accepted(backend) - closed_in_order(backend)
    assert accepted(backend) == USERS + died  # nobody else was disconnected
    assert loss["connections"] <= died <= loss["connections"] + 4
    assert_what_was_reported_is_all_there(run, backend, cluster, unreported=4)


def test_a_worker_that_is_killed_in_the_ramp_down_has_those_placed_again_that_the_plan_still_wants(
    backend: Server, tmp_path: Path
) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": "1s"}, {"hold": "3s"}, {"ramp": 0, "over": SLOW})
    with Cluster(tmp_path, path, backend.url) as cluster:
        workers, master = start_cluster(cluster, 4)
        until_steady(cluster, backend, USERS)
        until(lambda: open_now(backend) < USERS - 4, "the ramp down has begun")
        workers[0].kill()
        began = seconds_until(lambda: accepted(backend) > USERS, "the first of its users was placed again")
        run = cluster.finished(master)
    assert began < 6.0
    assert run.code == 0, run.output
    loss = lost_of(run)
    assert 1 <= loss["users"] <= share(USERS, 4)
    died = accepted(backend) - closed_in_order(backend)
    assert 1 <= died <= loss["connections"] <= died + 4  # some had left since it was heard last
    assert USERS < accepted(backend) <= USERS + died
    assert 23.5 < run.summary["duration_s"] < 26
    assert_what_was_reported_is_all_there(run, backend, cluster)


def test_a_worker_that_freezes_for_3_s_in_the_ramp_down_lets_the_right_ones_go(backend: Server, tmp_path: Path) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": "1s"}, {"hold": "3s"}, {"ramp": 0, "over": SLOW})
    with Cluster(tmp_path, path, backend.url) as cluster:
        workers, master = start_cluster(cluster, 2)
        until_steady(cluster, backend, USERS)
        until(lambda: open_now(backend) < USERS - 4, "the ramp down has begun")
        freeze(workers[0], 3.0)
        thawed = open_now(backend)
        seconds_until(lambda: open_now(backend) < thawed - 2, "it lets go those that the plan wants no more")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0, 0]
    assert run.code in (0, 3), run.output
    assert run.summary["lost"] == [], run.output
    assert accepted(backend) == USERS
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_what_was_reported_is_all_there(run, backend, cluster)


def test_a_worker_dies_while_another_is_frozen_and_each_is_named_with_its_fate(backend: Server, tmp_path: Path) -> None:
    path = profile(tmp_path, {"ramp": USERS, "over": "1s"}, {"hold": "22s"})
    with Cluster(tmp_path, path, backend.url, **SOON) as cluster:
        workers, master = start_cluster(cluster, 4)
        until_steady(cluster, backend, USERS)
        workers[0].send_signal(signal.SIGSTOP)
        workers[1].kill()
        seconds_until(lambda: accepted(backend) == USERS + 20, "the users of both were placed on the other two")
        workers[0].send_signal(signal.SIGCONT)
        seconds_until(lambda: open_now(backend) == USERS, "the frozen one dropped its users")
        until(lambda: "is back" in cluster.logs(), "it joined anew")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in (workers[0], *workers[2:])] == [0] * 3
    assert run.code in (0, 3), run.output
    assert sorted(loss["handed_over"] for loss in run.summary["lost"]) == [False, True]
    assert [loss["users"] for loss in run.summary["lost"]] == [10, 10]
    assert accepted(backend) == USERS + 20
    assert_what_was_reported_is_all_there(run, backend, cluster)
