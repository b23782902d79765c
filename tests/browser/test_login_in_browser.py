"""The login in a real browser, by TLS below a base path: in, a run, out; another site gets nowhere meanwhile."""

import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from certificates import make_certificate
from programs import ROOT, Cluster, assert_counts_equal, demo_backend, free_port, read_run, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PASSWORD = "correct horse"  # noqa: S105 - of this cluster alone

pytestmark = [
    pytest.mark.browser,
    pytest.mark.cluster,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make deps` installs it"),
]


def answers(url: str, certificate: Path) -> bool:
    """Whether a page is there, under this certificate."""
    try:
        context = ssl.create_default_context(cafile=certificate)
        urllib.request.urlopen(f"{url}healthz", timeout=2, context=context).close()  # noqa: S310 - our own URL
    except OSError:
        return False
    return True


def test_a_person_logs_in_runs_and_logs_out_and_another_site_gets_nowhere(tmp_path: Path) -> None:
    port = free_port()
    url = f"https://localhost:{port}/load/"
    both = make_certificate(tmp_path)
    environ = {"LOADTEST_WEB_PORT": str(port), "LOADTEST_WEB_PASSWORD": PASSWORD}
    profile = ROOT / "profiles" / "market-stream.yaml"
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url, **environ) as cluster:
        cluster.start("master", "--tls-cert", str(both), "--tls-key", str(both), "--web-base-path", "/load")
        cluster.start("worker")
        until(lambda: answers(url, both) and "reported as ready" in cluster.logs(), "the page and a worker")
        assert CHROMIUM is not None
        script = str(ROOT / "tests/support/log_in_on_page.py")
        done = subprocess.run(
            [sys.executable, script, url, CHROMIUM, "smoke", "loadtest", PASSWORD, str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        )
        assert done.returncode == 0, done.stderr + cluster.logs()
        until(lambda: read_run(0, "", cluster.out).directory is not None, "the result was written")
        run = read_run(0, cluster.logs(), cluster.out)
        stats = backend.stats()
    seen = json.loads(done.stdout)
    assert seen["alert"] == "Wrong user or password."
    assert seen["cookies"] == [[True, "Strict", True]]
    assert seen["refused"] == [403, 403, "unreadable"]
    assert seen["errors"] == []
    light, dark = seen["looks"]["light"], seen["looks"]["dark"]
    assert light[0] != dark[0]
    assert light[1] <= 0 >= dark[1]  # no wider than a phone
    assert "stopped by hand" in run.summary["why"]
    assert_counts_equal(run, stats, {group: group for group in ("market", "foreign", "index", "alerts")})
    left = [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    assert left == []
