"""docker/cluster.sh, which is `make cluster`: one run in containers, and nothing left of it but its folder."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from engine import NAMES, left_behind, output
from programs import ROOT, Run, assert_counts_equal, clean_environment, read_run

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]

CHANNELS = {"market": "market", "foreign": "foreign", "index": "index", "alerts": "alerts"}
"""Groups of the profile `smoke` and what they subscribe to."""


def start(out: Path, settings: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        ["docker/cluster.sh"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=clean_environment(**NAMES, OUT=str(out), **settings),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


def finish(process: "subprocess.Popen[str]", out: Path, said: str = "") -> Run:
    rest, _ = process.communicate(timeout=200)
    projects = output("ps", "--all", "--format", '{{.Label "com.docker.compose.project"}}').split()
    assert [project for project in projects if project.endswith(f"-{process.pid}")] == []
    return read_run(process.returncode, said + rest, out)


def cluster(out: Path, **settings: str) -> Run:
    return finish(start(out, settings), out)


def test_a_run_exits_0_with_counts_equal_to_the_backends_own(tmp_path: Path) -> None:
    run = cluster(tmp_path, PROFILE="smoke", WORKERS="3", USERS="20", DURATION="10s")
    assert run.code == 0, run.output
    assert run.directory is not None
    assert run.summary["exit_code"] == 0
    assert len(run.summary["workers"]) == 3
    stats = json.loads((run.directory / "backend-stats.json").read_text())
    assert stats["channels"]["market"]["written"] > 0
    # the container's own health check asks for /health as well
    del stats["requests"]["/health"]
    run.summary["metrics"] = [metric for metric in run.summary["metrics"] if not metric["name"].endswith(" /health")]
    assert_counts_equal(run, stats, CHANNELS)
    assert "worker-3" in (run.directory / "containers.log").read_text()
    assert (run.directory / "profile.yaml").stat().st_uid == os.getuid()


def test_a_breached_slo_is_exit_code_1(tmp_path: Path) -> None:
    impossible = json.dumps(['slo=["rest response p95 < 1us"]'])
    run = cluster(tmp_path, WORKERS="1", USERS="10", DURATION="5s", LOADTEST_SET=impossible)
    assert run.code == 1, run.output
    assert run.summary["verdict"] == "fail"


def test_a_profile_that_is_not_there_is_exit_code_2_and_says_which_are(tmp_path: Path) -> None:
    run = cluster(tmp_path, PROFILE="no-such-profile", WORKERS="1")
    assert run.code == 2, run.output
    assert "market-open-burst" in run.output
    assert run.directory is None


def test_ctrl_c_ends_the_run_in_order_and_leaves_its_folder_and_nothing_else(tmp_path: Path) -> None:
    process = start(tmp_path, {"PROFILE": "smoke", "WORKERS": "2"})
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if "plateau" in line:
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
            break
    run = finish(process, tmp_path, said)
    assert run.code == 130, run.output
    assert run.summary["verdict"] == "interrupted"
    assert left_behind(project_of(process)) == []


def project_of(process: "subprocess.Popen[str]") -> str:
    names = output("network", "ls", "--format", '{{.Label "com.docker.compose.project"}}').split()
    return next((name for name in names if name.endswith(f"-{process.pid}")), "none")
