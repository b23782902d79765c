"""Networks that lose packets, or are unplugged, between workers and their master: namespaces and real TCP."""

import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from chaos import (
    accepted,
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    open_now,
    seconds_until,
    until_steady,
    write_profile,
)
from netns import Lab
from programs import Cluster, Run, Server, assert_counts_equal, serving

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

USERS = 20
SHARE = 0.3
"""Of the packets, each way."""
CUT_S = 20.0


@dataclass
class Hosts:
    """A master on one host, two workers and the backend on another."""

    lab: Lab
    backend: Server
    cluster: Cluster

    def workers(self) -> list["subprocess.Popen[str]"]:
        return [self.cluster.start("worker", inside=self.lab.inside(self.lab.workers)) for _ in range(2)]

    def master(self) -> "subprocess.Popen[str]":
        return self.cluster.start("master", "--headless", "--workers", "2", inside=self.lab.inside(self.lab.master))


@contextmanager
def hosts(folder: Path, seconds: int) -> Iterator[Hosts]:
    with Lab() as lab:
        command = (*lab.inside(lab.workers), sys.executable, "-m", "backend", "--host", lab.workers_host, "--port", "0")
        profile = write_profile(folder, [{"ramp": USERS, "over": "2s"}, {"hold": f"{seconds}s"}])
        key = secrets.token_urlsafe(32)
        with serving(*command) as backend, Cluster(folder, profile, backend.url, LOADTEST_CLUSTER_KEY=key) as cluster:
            cluster.environ |= {"LOADTEST_MASTER_BIND_HOST": lab.master_host, "LOADTEST_MASTER_HOST": lab.master_host}
            yield Hosts(lab, backend, cluster)


def assert_all_is_there(run: Run, there: Hosts) -> None:
    assert run.code == 0, run.output
    assert all(worker["complete"] for worker in run.summary["workers"]), run.output
    assert_counts_equal(run, there.backend.stats(), {"subscribers": "market"})
    assert_summary_is_the_sum_of_the_journal(run)
    assert_no_traceback(there.cluster)


def test_three_packets_of_ten_lost_between_workers_and_master_change_no_count(tmp_path: Path) -> None:
    with hosts(tmp_path, 20) as there:
        workers = there.workers()
        there.lab.lose(SHARE)
        run = there.cluster.finished(there.master())
        dropped = there.lab.dropped()
        assert [worker.wait(60) for worker in workers] == [0, 0]
        sys.stdout.write(f"packets dropped: {dropped}\n")
        assert dropped > 50
        assert_all_is_there(run, there)


@pytest.mark.chaos
def test_a_link_that_is_down_for_20_s_and_loses_packets_besides_loses_no_data(tmp_path: Path) -> None:
    with hosts(tmp_path, 70) as there:
        workers = there.workers()
        master = there.master()
        until_steady(there.cluster, there.backend, USERS)
        there.lab.lose(SHARE)
        there.lab.unplug()
        time.sleep(CUT_S)  # this is the fault, not a wait for something
        assert open_now(there.backend) == USERS  # the load goes on
        there.lab.plug_in()
        seconds_until(lambda: there.cluster.logs().count("is back") >= 2, "both workers are back")
        seconds_until(lambda: open_now(there.backend) == USERS, "the plan has its users")
        run = there.cluster.finished(master)
        assert [worker.wait(60) for worker in workers] == [0, 0]
        assert accepted(there.backend) >= 2 * USERS  # both were taken for dead
        assert all(loss["handed_over"] for loss in run.summary["lost"])
        assert_all_is_there(run, there)
