"""Disks that fail and targets that go away in mid-run."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    cpu_seconds,
    entries_of,
    market,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import BIN, Cluster, Server, assert_counts_equal, demo_backend, free_port, serving, until

from loadtest.results.journal import Ended, Started

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20
LOAD = [{"ramp": USERS, "over": "1s"}, {"hold": "8s"}]


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def test_a_run_directory_that_is_deleted_in_mid_run_is_there_again_with_everything(
    backend: Server, tmp_path: Path
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster:
        cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        (directory,) = cluster.out.iterdir()
        shutil.rmtree(directory)
        run = cluster.finished(master)
    assert run.code == 0, run.output
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert isinstance(entries_of(run)[0], Started)
    assert isinstance(entries_of(run)[-1], Ended)
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(cluster)


@pytest.mark.parametrize(
    ("limit", "out", "reason"),
    [
        ("4", None, "File too large"),  # a disk that is full after 4 KiB of any file
        ("unlimited", "/proc/none", "No such file or directory"),  # one that can't be written at all
    ],
)
def test_a_disk_that_takes_nothing_is_reported_and_stops_neither_the_load_nor_the_verdict(
    backend: Server, tmp_path: Path, limit: str, out: str | None, reason: str
) -> None:
    with Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster:
        cluster.environ["LOADTEST_OUT"] = out or cluster.environ["LOADTEST_OUT"]
        worker = cluster.start("worker")
        with (tmp_path / "master.log").open("w") as log:  # through a pipe: the limit is not for the log
            command = f"(ulimit -f {limit}; exec {BIN / 'loadtest'} master --headless 2>&1) | cat"
            bash = ["bash", "-o", "pipefail", "-c", command]
            code = subprocess.run(bash, env=cluster.environ, stdout=log, check=False, timeout=100).returncode
        assert worker.wait(30) == 0
    output = cluster.logs()
    assert code == 0, output
    assert "PASS" in output
    assert f"records.journal can't be written: {reason}" in output
    assert market(backend) == (USERS, 0)
    assert f"{USERS:,} attempted, {USERS:,} established" in output
    assert "Traceback" not in output


def test_a_target_that_dies_is_named_waited_for_without_spinning_and_connected_to_again(tmp_path: Path) -> None:
    port = str(free_port())
    command = (sys.executable, "-m", "backend", "--host", "127.0.0.1", "--port", port)
    profile = write_profile(tmp_path, [{"ramp": USERS, "over": "1s"}, {"hold": "22s"}], slo=["errors < 99%"])
    with serving(*command) as first, Cluster(tmp_path, profile, first.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, first, USERS)
        first.process.kill()
        first.process.wait(10)
        before = cpu_seconds(worker.pid)
        time.sleep(5)  # this is the fault, not a wait for something
        spent = cpu_seconds(worker.pid) - before
        with serving(*command) as second:
            seconds_until(lambda: open_now(second) == USERS, "everybody is connected again")
            run = cluster.finished(master)
            connected = accepted(second)
    assert spent < 2.5, f"{spent:.1f} s of CPU in 5 s"
    names = {error["name"] for error in run.summary["errors"]}
    assert "connect: refused" in names
    assert run.counted("subscribers", "connected") == USERS + connected
    ledger = run.summary["ledger"]["subscribers"]
    assert ledger["closed_by_network"] + ledger["closed_by_server"] == USERS
    assert 0 < ledger["failed"] < USERS * 40  # backing off from 100 ms to 5 s, with jitter
    assert (ledger["open"], ledger["pending"]) == (0, 0)
    assert_no_traceback(cluster)


def test_a_second_signal_ends_a_drain_at_once(tmp_path: Path) -> None:
    with demo_backend() as backend, Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        worker.send_signal(signal.SIGSTOP)  # the drain has something to wait for
        master.send_signal(signal.SIGTERM)
        until(lambda: "got SIGTERM: ending the run" in cluster.logs(), "the first one drains")
        master.send_signal(signal.SIGINT)
        assert master.wait(10) == 130
        worker.send_signal(signal.SIGCONT)
        assert_no_traceback(cluster)
