"""The page in a real browser that has another site open as well; its content security policy holds throughout."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from programs import ROOT, Cluster, demo_backend, free_port, reachable, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.cluster,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make deps` installs it"),
]


def test_another_site_can_neither_start_nor_stop_a_run_nor_read_it(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    profile = ROOT / "profiles" / "market-stream.yaml"
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url, LOADTEST_WEB_PORT=str(port)) as cluster:
        cluster.start("master")
        cluster.start("worker")
        until(lambda: reachable(url) and "reported as ready" in cluster.logs(), "the page and a worker")
        assert CHROMIUM is not None
        done = subprocess.run(
            [sys.executable, str(ROOT / "tests/support/attack_page.py"), url, CHROMIUM, "smoke"],
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
            env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        )
        assert done.returncode == 0, done.stderr + cluster.logs()
    seen = json.loads(done.stdout)
    assert seen["idle"] == seen["running"] == [403, 403, "unreadable"]
    assert (seen["before"], seen["after"]) == ("ready", "running")
    assert seen["errors"] == []
