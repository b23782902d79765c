"""Workers that come and go: in any number, at any time, and nobody else is disconnected for it."""

import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from programs import Cluster, Server, assert_counts_equal, demo_backend, free_port, read_run, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 30


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def profile(folder: Path, hold: str = "60s") -> Path:
    path = folder / "profiles" / "steady.yaml"
    path.parent.mkdir()
    path.write_text(
        yaml.safe_dump(
            {
                "name": "steady",
                "target": {"url": "demo", "clock": "/time"},
                "users": {
                    "subscribers": {
                        "websocket": "/ws/market",
                        "share": 1,
                        "expect": {"keys": ["quotes"]},
                        "not_data": [{"binary": True}, {"keys": ["type"]}],
                        "send_time": {"field": "server_time"},
                    }
                },
                "load": [{"ramp": USERS, "over": "1s"}, {"hold": hold}],
                "slo": ["errors < 1%"],
            }
        )
    )
    return path


def market(backend: Server) -> tuple[int, int]:
    """(accepted so far, open now) as the backend counts them."""
    counts = backend.stats()["channels"]["market"]
    return counts["accepted"], counts["open"]


def test_workers_join_and_leave_in_mid_run_and_only_those_who_must_are_moved(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path, "25s"), backend.url) as cluster:
        first = cluster.start("worker")  # before there is a master
        cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: market(backend) == (USERS, USERS), "all users connected")
        cluster.start("worker")
        # 15 + 15 become 10 + 10 + 10: ten move, twenty stay
        until(lambda: market(backend) == (USERS + 10, USERS), "ten moved to the third worker")
        first.send_signal(signal.SIGTERM)
        # its ten are placed on the other two, where nobody is disturbed
        until(lambda: market(backend) == (USERS + 20, USERS), "ten moved from the first worker")
        assert first.wait(60) == 0
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert market(backend) == (USERS + 20, 0)
    assert backend.stats()["channels"]["market"]["closed"] == {"client 1000": USERS + 20}
    assert len(run.summary["workers"]) == 3
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert run.summary["errors"] == []
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})


def test_sigterm_to_the_master_ends_in_order_with_a_report(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: market(backend) == (USERS, USERS), "all users connected")
        master.send_signal(signal.SIGTERM)
        run = cluster.finished(master)
        assert [worker.wait(60) for worker in workers] == [0, 0]
    assert run.code == 130, run.output
    assert run.summary["verdict"] == "interrupted"
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})


def test_sigterm_to_all_at_once_as_compose_sends_it_loses_nothing(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: market(backend) == (USERS, USERS), "all users connected")
        for process in (*workers, master):
            process.send_signal(signal.SIGTERM)
        run = cluster.finished(master, 15)
        assert [worker.wait(15) for worker in workers] == [0, 0]
    assert run.summary["verdict"] == "interrupted"
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert "did not acknowledge" not in run.output
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})


def test_a_run_stopped_from_the_page_is_judged_and_the_next_one_starts_anew(backend: Server, tmp_path: Path) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    with Cluster(tmp_path, profile(tmp_path), backend.url, LOADTEST_WEB_PORT=str(port)) as cluster:
        cluster.start("master")
        for _ in range(2):
            cluster.start("worker")
        until(lambda: cluster.logs().count("reported as ready") == 2, "two workers")
        for number in (1, 2):
            post(f"{page}/swarm", load_profile="steady", peak_users="10", total_duration="")
            until(lambda: market(backend)[1] == 10, "all users connected")
            post(f"{page}/stop")
            until(lambda n=number: len(list(cluster.out.glob("*/summary.json"))) == n, "the result was written")  # type: ignore[misc]
            run = read_run(0, cluster.logs(), cluster.out)
            assert run.summary["verdict"] == "pass", run.output
            assert run.counted("subscribers", "connected") == 10
    assert market(backend) == (20, 0)


def post(url: str, **fields: str) -> None:
    urllib.request.urlopen(url, urllib.parse.urlencode(fields).encode(), timeout=60).close()  # noqa: S310


def test_a_master_whose_workers_never_come_says_so_and_ends_with_4(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path), backend.url) as cluster:
        cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2", "--expect-workers-max-wait", "3")
        assert master.wait(60) == 4
        assert "1 of 2 workers joined within 3 s" in cluster.logs()


def test_sigterm_before_the_run_has_begun_ends_with_130(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path), backend.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: "1 workers connected" in cluster.logs(), "the worker joined")
        master.send_signal(signal.SIGTERM)
        assert master.wait(60) == 130
        assert "Traceback" not in cluster.logs()
        assert worker.wait(60) == 0


def test_a_worker_with_another_profile_is_refused_and_ends_with_2(backend: Server, tmp_path: Path) -> None:
    with Cluster(tmp_path, profile(tmp_path, "4s"), backend.url) as cluster:
        master = cluster.start("master", "--headless", "--workers", "1")
        odd = cluster.start("worker", LOADTEST_SET='["users.subscribers.silence=5s"]')
        assert odd.wait(60) == 2
        assert "differs from the master's in users" in cluster.logs()
        cluster.start("worker")
        run = cluster.finished(master)
    assert run.code in (0, 3), run.output
    assert len(run.summary["workers"]) == 1
