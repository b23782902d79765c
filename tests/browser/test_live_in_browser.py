"""The live page in a real browser: a run from start to download, and one that has lasted eight hours."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from programs import ROOT, Cluster, Run, Server, assert_counts_equal, demo_backend, free_port, reachable, serving, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make deps` installs it"),
]

EIGHT_HOURS = 8 * 3600


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def in_browser(script: str, url: str, *arguments: str) -> Any:
    """What a script of tests/support saw."""
    assert CHROMIUM is not None
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests/support" / script), url, CHROMIUM, *arguments],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.cluster
def test_a_run_is_started_watched_stopped_judged_and_downloaded_from_the_page(backend: Server, tmp_path: Path) -> None:
    port = free_port()
    profile = ROOT / "profiles" / "market-stream.yaml"
    with Cluster(tmp_path, profile, backend.url, LOADTEST_WEB_PORT=str(port)) as cluster:
        cluster.start("master")
        cluster.start("worker")
        cluster.start("worker")
        url = f"http://127.0.0.1:{port}/"
        until(lambda: reachable(url) and cluster.logs().count("reported as ready") == 2, "the page and two workers")
        seen = in_browser("run_from_page.py", url, "smoke", str(tmp_path))
    assert seen["errors"] == []
    with ZipFile(tmp_path / "bundle.zip") as archive:
        name = seen["file"].removesuffix(".zip")
        run = Run(0, cluster.logs(), json.loads(archive.read(f"{name}/summary.json")))
    groups = ["market", "foreign", "index", "alerts"]
    assert_counts_equal(run, backend.stats(), {group: group for group in groups})
    assert run.summary["run_id"] == name
    assert seen["verdict"] == [run.summary["verdict"].upper(), run.summary["why"]]
    assert "stopped by hand" in run.summary["why"]
    assert seen["live"]["streams"] == groups
    assert seen["live"]["before"] >= 3
    assert seen["tabs"]["Streams"][0] == "market"
    assert seen["tabs"]["Workers"][0] in {worker["name"] for worker in run.summary["workers"]}
    offset, error = (float(figure) for figure in seen["tabs"]["Workers"][6:8])
    assert abs(offset) <= error * 1.01  # the backend has our own clock; figures have three digits
    assert seen["tabs"]["SLOs"][0] == run.summary["slo"][0]["text"]
    assert seen["tabs"]["Ledger"][0] == "market"


def test_a_run_of_eight_hours_stays_light_as_it_goes_on(tmp_path: Path) -> None:
    server = ROOT / "tests/support/live_server.py"
    with serving(sys.executable, str(server), str(EIGHT_HOURS), "300") as made_up:
        seen = in_browser("watch_long_run.py", f"{made_up.url}/live", "6", str(tmp_path))
    assert seen["errors"] == []
    first, *later = seen["seen"]
    assert re.match(r"plateau: 8:0\d:\d\d of 12:10:00", first["stage"])
    assert 240 < first["points"] <= 720  # 240 of two minutes, and the last minutes second by second
    for each in [*later, seen["again"]]:
        assert each["points"] <= 720
        assert each["charts"] == first["charts"] > 0
        assert each["spilt"] == 0  # every chart is as wide as its frame
        assert each["nodes"] <= first["nodes"] + 60  # labels of axes come and go
    assert seen["again"]["points"] > 240  # a reload has its history
    assert seen["first_stop"] == "Skip to the figures"
    assert set(seen["overflow"].values()) == {0}  # no page is wider than its window
