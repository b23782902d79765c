"""The master's page in a real browser: a profile is chosen from the drop-down, runs, and leaves its verdict."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import ROOT, Cluster, Server, assert_counts_equal, demo_backend, free_port, reachable, read_run, until

pytestmark = [pytest.mark.browser, pytest.mark.cluster, pytest.mark.timeout(180)]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make deps` installs it")
def test_a_run_is_started_from_the_page_and_leaves_its_verdict(backend: Server, tmp_path: Path) -> None:
    port = free_port()
    profile = ROOT / "profiles" / "market-stream.yaml"
    with Cluster(tmp_path, profile, backend.url, LOADTEST_WEB_PORT=str(port)) as cluster:
        cluster.start("master")
        cluster.start("worker")
        cluster.start("worker")
        url = f"http://127.0.0.1:{port}/"
        until(lambda: reachable(url) and cluster.logs().count("reported as ready") == 2, "the page and two workers")
        assert CHROMIUM is not None
        script = ROOT / "tests/support/start_from_page.py"
        shot = tmp_path / "page.png"
        done = subprocess.run(
            [sys.executable, str(script), url, CHROMIUM, "smoke", "12", "6s", str(shot)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        )
        assert done.returncode == 0, done.stderr + cluster.logs()
        seen = json.loads(done.stdout)
        until(lambda: read_run(0, "", cluster.out).directory is not None, "the result was written")
        run = read_run(0, cluster.logs(), cluster.out)
    assert seen["profiles"] == sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
    assert (seen["dead_fields"], seen["errors"]) == (0, [])
    assert seen["title"] >= 1
    assert run.summary["profile"] == "smoke"  # not the one that the processes were started with
    assert run.summary["peak_users"] == 12
    assert run.summary["verdict"] in ("pass", "fail", "invalid")  # the last on a machine that is busy
    channels = {group: group for group in ("market", "foreign", "index", "alerts")}
    assert_counts_equal(run, backend.stats(), channels)
    assert shot.stat().st_size > 0
