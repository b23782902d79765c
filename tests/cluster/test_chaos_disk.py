"""Disks that are full or read-only for a while, or until the end: the journal, the bundle, the verdict and the code."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos import (
    assert_no_traceback,
    assert_summary_is_the_sum_of_the_journal,
    entries_of,
    market,
    reported_until,
    seconds_until,
    until_steady,
    write_profile,
)
from programs import Cluster, Run, Server, assert_counts_equal, demo_backend, until
from small_disk import SmallDisk

from loadtest.results.journal import Ended, Started

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20
LOAD = [{"ramp": USERS, "over": "1s"}, {"hold": "14s"}]
BUNDLE = {"summary.json", "report.html", "junit.xml", "timeline.csv", "records.journal", "profile.yaml", "run.log"}


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def assert_the_bundle_is_whole(run: Run, backend: Server, cluster: Cluster) -> None:
    assert run.code == 0, run.output
    assert run.summary["verdict"] == "pass"
    assert run.directory is not None
    there = {path.name for path in run.directory.iterdir()}
    assert there >= BUNDLE
    assert not [name for name in there if name.endswith(".partial")]
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert isinstance(entries_of(run)[0], Started)
    assert isinstance(entries_of(run)[-1], Ended)
    assert_summary_is_the_sum_of_the_journal(run)
    assert "could not be written" not in run.output.rpartition("PASS")[2]
    assert_no_traceback(cluster)


@pytest.mark.parametrize("fault", ["full", pytest.param("read-only", marks=pytest.mark.chaos)])
def test_a_disk_that_takes_nothing_for_a_while_has_everything_in_the_end(
    backend: Server, tmp_path: Path, fault: str
) -> None:
    with (
        Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster,
        SmallDisk(cluster.out) as disk,
    ):
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        (disk.fill if fault == "full" else disk.hide)()
        until(lambda: "records.journal can't be written" in cluster.logs(), "it was noticed")
        time.sleep(2)  # this is the fault, not a wait for something
        (disk.free if fault == "full" else disk.show)()
        seconds_until(lambda: "is written again" in cluster.logs(), "the journal is written again")
        run = cluster.finished(master)
        assert worker.wait(30) == 0
        assert_the_bundle_is_whole(run, backend, cluster)


@pytest.mark.chaos
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_takes_nothing_any_more_leaves_the_verdict_and_names_every_file(
    backend: Server, tmp_path: Path, fault: str
) -> None:
    with (
        Cluster(tmp_path, write_profile(tmp_path, LOAD), backend.url) as cluster,
        SmallDisk(cluster.out) as disk,
    ):
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        reported_until(cluster, 4)
        (disk.fill if fault == "full" else disk.hide)()
        code = master.wait(100)
        assert worker.wait(30) == 0
        left = {path.name for path in cluster.out.glob("*/*")}
        output = cluster.logs()
        told = output.rpartition("PASS: ")[2]
        assert (code, market(backend)) == (0, (USERS, 0)), output
        reason = "No space left on device" if fault == "full" else "Read-only file system"
        for name in BUNDLE - {"profile.yaml", "run.log"}:
            assert f"{name} could not be written: {reason}" in told, (name, told)
        assert not [name for name in left if name.endswith(".partial")]
        assert_no_traceback(cluster)
