"""Workers added and taken away in mid-run, as an orchestrator does it, and workers that do not belong there."""

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    journal_of,
    market,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Server, assert_counts_equal, demo_backend, free_port, reachable, until

from loadtest.results import Record

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 48


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def users_by_worker(cluster: Cluster) -> Counter[str]:
    """What each worker's latest Record says that it runs."""
    latest = {entry.worker: entry for entry in journal_of(cluster) if isinstance(entry, Record) and not entry.final}
    return Counter({worker: int(record.gauges["subscribers"]["users"]) for worker, record in latest.items()})


def test_workers_are_scaled_from_2_to_8_to_3_and_nothing_is_lost(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "2s"}, {"hold": "45s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        workers += [cluster.start("worker") for _ in range(6)]
        seconds_until(lambda: sorted(users_by_worker(cluster).values()) == [6] * 8, "2 -> 8: the users are even")
        moved = accepted(backend) - USERS
        assert 36 <= moved <= 60  # 36 if all six come at once; one after the other, each takes an even share
        assert open_now(backend) == USERS
        for worker in workers[:5]:
            worker.send_signal(signal.SIGTERM)
        seconds_until(lambda: all(worker.poll() is not None for worker in workers[:5]), "8 -> 3: five have left")
        seconds_until(lambda: open_now(backend) == USERS, "their users are on the other three")
        run = cluster.finished(master)
        assert [worker.wait(30) for worker in workers] == [0] * 8
    assert run.code == 0, run.output
    assert accepted(backend) == USERS + moved + 30  # nobody else was disconnected
    assert backend.stats()["channels"]["market"]["closed"] == {"client 1000": accepted(backend)}
    assert run.summary["lost"] == [], run.output
    assert run.output.count("has left") == 5
    assert "not heard for" not in run.output
    assert len(run.summary["workers"]) == 8
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def test_all_workers_are_replaced_by_others_in_mid_run_and_nothing_is_lost(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "2s"}, {"hold": "20s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until_steady(cluster, backend, USERS)
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        seconds_until(lambda: open_now(backend) == 0, "all workers have let their users go")
        assert [worker.wait(30) for worker in workers] == [0, 0]
        cluster.start("worker")
        seconds_until(lambda: market(backend) == (2 * USERS, USERS), "another has all of them")
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert run.summary["lost"] == [], run.output
    assert all(worker["complete"] for worker in run.summary["workers"])
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


def another_version(folder: Path) -> str:
    """What to put before PYTHONPATH so that the package says that it is another version."""
    info = folder / "loadtest-9.9.9.dist-info"
    info.mkdir(parents=True)
    name = distribution("loadtest").metadata["Name"]
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9.9\n")
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.parametrize("odd", ["version", "profile"])
def test_a_worker_that_does_not_match_is_refused_in_mid_run_and_the_run_goes_on_without_it(
    backend: Server, tmp_path: Path, odd: str
) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "14s"}]
    profile = write_profile(tmp_path, load)
    if odd == "version":
        environ = {"PYTHONPATH": another_version(tmp_path / "other")}
        sentence = "it is version 9.9.9, the master is "
    else:
        folder = tmp_path / "others"
        folder.mkdir()
        shutil.copy(profile, folder)
        theirs = yaml.safe_load(profile.read_text()) | {"load": [{"ramp": 7, "over": "1s"}]}
        (folder / profile.name).write_text(yaml.safe_dump(theirs))
        environ = {"LOADTEST_PROFILES": str(folder), "LOADTEST_PROFILE": str(folder / profile.name)}
        sentence = "its profile 'steady' differs from the master's in load"
    with Cluster(tmp_path, profile, backend.url) as cluster:
        cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "1")
        until_steady(cluster, backend, USERS)
        # Locust puts the current folder before PYTHONPATH, and a checkout has the metadata of its own version.
        refused = cluster.start("worker", inside=("env", "--chdir", str(tmp_path)), **environ)
        seconds_until(lambda: refused.poll() is not None, f"a worker with another {odd} has ended")
        assert refused.returncode == 2, cluster.logs()
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert sentence in (tmp_path / "master-1.log").read_text()
    assert sentence in (tmp_path / "worker-2.log").read_text()
    assert accepted(backend) == USERS
    assert len(run.summary["workers"]) == 1
    assert run.summary["lost"] == []
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)


def test_a_second_master_on_a_port_says_who_has_it_and_the_first_goes_on(backend: Server, tmp_path: Path) -> None:
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "12s"}]
    with Cluster(tmp_path, write_profile(tmp_path, load), backend.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "1")
        until_steady(cluster, backend, USERS)
        second = cluster.start("master", "--headless", "--workers", "1")
        seconds_until(lambda: second.poll() is not None, "the second master has ended")
        assert second.returncode == 2, cluster.logs()
        run = cluster.finished(master)
        assert worker.wait(30) == 0
    said = (tmp_path / "master-2.log").read_text()
    assert f"can't have port {cluster.environ['LOADTEST_MASTER_PORT']}: address already in use" in said
    assert run.code == 0, run.output
    assert len(list(cluster.out.glob("*"))) == 1  # the second has left nothing
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert_no_traceback(cluster)


def test_a_master_whose_page_has_no_port_says_so_and_the_one_who_has_it_goes_on(
    backend: Server, tmp_path: Path
) -> None:
    page = {"LOADTEST_WEB_PORT": str(free_port())}
    with Cluster(tmp_path, write_profile(tmp_path, [{"ramp": 1, "over": "1s"}]), backend.url, **page) as cluster:
        master = cluster.start("master")
        url = f"http://127.0.0.1:{page['LOADTEST_WEB_PORT']}/"
        until(lambda: reachable(url), "the first master's page")
        second = cluster.start("master", LOADTEST_MASTER_PORT=str(free_port()))
        seconds_until(lambda: second.poll() is not None, "the second master has ended")
        assert second.returncode == 2, cluster.logs()
        assert f"can't have port {page['LOADTEST_WEB_PORT']}: address already in use" in cluster.logs()
        assert master.poll() is None
        assert reachable(url)
        master.send_signal(signal.SIGTERM)
        master.wait(30)
    assert_no_traceback(cluster)
