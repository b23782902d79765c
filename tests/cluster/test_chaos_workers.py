"""Workers that die, freeze and come back in mid-run; what is left of the load and of the result."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    freeze,
    lost_of,
    market,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 40


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def test_a_killed_worker_s_users_come_back_on_the_others_and_what_died_with_it_is_named(
    backend: Server, tmp_path: Path
) -> None:
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "2s"}, {"hold": "14s"}], rebalance_rate=5)
    with Cluster(tmp_path, profile, backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(4)]
        master = cluster.start("master", "--headless", "--workers", "4")
        until_steady(cluster, backend, USERS)
        workers[0].kill()
        until(lambda: open_now(backend) == USERS - 10, "the backend saw its connections go")
        began = seconds_until(lambda: accepted(backend) > USERS, "the first of its users was placed again")
        whole = seconds_until(lambda: open_now(backend) == USERS, "all of them are there again")
        run = cluster.finished(master)
    assert began < 5.0
    assert whole > 1.0  # ten at five a second, less the first
    assert accepted(backend) == USERS + 10  # nobody else was disconnected
    assert run.code == 0, run.output
    assert run.summary["verdict"] == "pass"
    loss = lost_of(run)
    assert loss["users"] == loss["connections"] == 10
    assert 0 <= loss["seconds"] <= 8
    assert not loss["handed_over"]
    ledger = run.summary["ledger"]["subscribers"]
    assert ledger["lost_with_worker"] == 10
    assert (ledger["open"], ledger["pending"]) == (0, 0)
    assert run.counted("subscribers", "connected") == accepted(backend)
    assert f"lost: {loss['worker']} was lost at" in run.output
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


@pytest.mark.parametrize(
    ("policy", "code", "verdict"),
    [
        ("continue", 0, "pass"),  # what is left is judged
        ("invalidate", 3, "invalid"),  # nothing is
    ],
)
def test_without_rebalancing_a_lost_worker_s_users_stay_away_and_the_profile_says_what_that_means(
    backend: Server, tmp_path: Path, policy: str, code: int, verdict: str
) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "12s"}]
    with Cluster(
        tmp_path, write_profile(tmp_path, load, on_worker_loss=policy), backend.url, LOADTEST_WORKER_LOST_AFTER="2.5"
    ) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        workers[1].kill()
        until(lambda: "is lost: not heard" in cluster.logs(), "the loss was noticed")
        run = cluster.finished(master)
    assert (run.code, run.summary["verdict"]) == (code, verdict), run.output
    assert accepted(backend) == USERS
    assert lost_of(run)["users"] == USERS // 2
    assert lost_of(run)["worker"] in (run.summary["why"] if policy == "invalidate" else run.output)
    assert_no_traceback(cluster)


def test_a_worker_that_is_frozen_for_3_s_is_not_lost(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "10s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        freeze(workers[0], 3.0)
        run = cluster.finished(master)
    assert (run.code, run.summary["verdict"]) == (3, "invalid"), run.output  # for its timings, not for its counts
    (stood_still,) = (e for e in run.summary["excluded"]["by_limit"] if e["limit"] == "lag" and e["worst"] > 2.5)
    assert stood_still["seconds"] >= 2
    assert stood_still["worker"] in run.summary["why"]
    assert accepted(backend) == USERS
    assert run.summary["lost"] == []
    assert all(worker["complete"] for worker in run.summary["workers"])
    theirs, found = backend.stats(), run.summary["broadcasts"]["subscribers"]
    assert_counts_equal(run, theirs, {"subscribers": "market"})
    assert found["expected"] - found["counted"] == sum(theirs["channels"]["market"]["dropped"].values()) == 0


def test_a_worker_that_was_frozen_for_long_drops_its_users_and_hands_over_what_it_had_counted(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "18s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, LOADTEST_WORKER_LOST_AFTER="2.5") as cluster:
        workers = [cluster.start("worker") for _ in range(4)]
        master = cluster.start("master", "--headless", "--workers", "4")
        until_steady(cluster, backend, USERS)
        workers[0].send_signal(signal.SIGSTOP)
        until(lambda: accepted(backend) == USERS + 10, "its users were placed on the others")
        assert open_now(backend) == USERS + 10  # the frozen one's connections are still there
        workers[0].send_signal(signal.SIGCONT)
        seconds_until(lambda: open_now(backend) == USERS, "the frozen one dropped its users")
        until(lambda: "is back" in cluster.logs(), "it joined anew")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0, 0, 0, 0]
    assert run.code == 0, run.output
    assert accepted(backend) == USERS + 10  # nobody was moved back to it
    loss = lost_of(run)
    assert loss["handed_over"]
    assert loss["seconds"] == 0
    assert loss["users"] == 10
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)


def test_a_run_outlives_all_its_workers_if_others_come(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "20s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url, LOADTEST_WORKER_LOST_AFTER="2.5") as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        for worker in workers:
            worker.kill()
        until(lambda: cluster.logs().count("is lost: not heard") == 2, "both losses were noticed")
        cluster.start("worker")
        until(lambda: market(backend) == (2 * USERS, USERS), "the new worker has them all")
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert len(run.summary["lost"]) == 2
    assert len(run.summary["workers"]) == 3
    assert run.summary["ledger"]["subscribers"]["lost_with_worker"] == USERS
    assert run.counted("subscribers", "connected") == accepted(backend)
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def test_a_worker_that_can_t_be_reached_at_the_end_is_named_and_its_gap_counted(
    backend: Server, tmp_path: Path
) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "5s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load, rebalance_rate=1), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        workers[1].send_signal(signal.SIGSTOP)
        run = cluster.finished(master)
        workers[1].kill()
    assert run.code == 0, run.output
    loss = lost_of(run)
    assert (loss["users"], loss["connections"], loss["handed_over"]) == (20, 20, False)
    assert loss["seconds"] > 0
    assert loss["worker"] in run.output
    assert run.summary["ledger"]["subscribers"]["lost_with_worker"] == 20
    assert_no_traceback(cluster)


@pytest.mark.chaos
def test_a_worker_that_was_frozen_for_90_s_comes_back_as_a_new_one(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "2s"}, {"hold": "105s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(4)]
        master = cluster.start("master", "--headless", "--workers", "4")
        until_steady(cluster, backend, USERS)
        freeze(workers[0], 90.0)
        seconds_until(lambda: open_now(backend) == USERS, "the frozen one dropped its users")
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert accepted(backend) == USERS + 10
    assert lost_of(run)["handed_over"]
    assert run.counted("subscribers", "connected") == accepted(backend)
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)
