"""SLOs of a real run: one that ends it early, one that only warns, and what a signal leaves of them."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import BIN, ROOT, clean_environment, demo_backend, loadtest_run, read_run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

PROFILE: dict[str, Any] = {
    "name": "judged",
    "target": {"url": "demo"},
    "users": {"pollers": {"pace": {"every": "100ms"}, "requests": [{"get": "/api/market/volume-stats"}]}},
    "load": [{"step": 4}, {"hold": "60s"}],
}


def written(tmp_path: Path, *slo: str) -> Path:
    path = tmp_path / "judged.yaml"
    path.write_text(yaml.safe_dump({**PROFILE, "slo": list(slo)}))
    return path


def test_an_slo_ends_a_run_whose_target_fails_and_the_run_says_so(tmp_path: Path) -> None:
    profile = written(tmp_path, "errors < 50% for 2s abort after 2s", "rate > 1/s during all")
    with demo_backend() as server:
        server.faults({"kind": "error", "path": "/api", "size": 503})
        run = loadtest_run(profile, tmp_path / "runs", "--target", server.url)
        served = server.stats()
    assert run.code == 1, run.output
    assert run.summary["duration_s"] < 40  # of 60
    assert run.summary["why"].startswith("aborted after ")
    assert "errors < 50% for 2s abort after 2s: breached for 2 s (observed 100%)" in run.summary["why"]
    aborting, rate = run.summary["slo"]
    assert (aborting["verdict"], aborting["observed"], aborting["action"]) == ("fail", 100.0, "abort")
    assert (rate["verdict"], rate["samples"]) == ("pass", run.counted("pollers", "requests"))
    assert served["requests"]["/api/market/volume-stats"] == {"503": run.counted("pollers", "requests_failed")}
    assert all(worker["complete"] for worker in run.summary["workers"])


def test_a_warning_is_told_and_a_signal_still_leaves_verdicts(tmp_path: Path) -> None:
    profile = written(tmp_path, "rest response p50 < 1us warn", "rest response p50 < 10s")
    with demo_backend() as server:
        command = [str(BIN / "loadtest"), "run", str(profile), "--target", server.url, "--out", str(tmp_path / "runs")]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT, env=clean_environment()
        )
        assert process.stdout is not None
        seen = ""
        for line in process.stdout:
            seen += line
            if "req/s" in line:
                process.send_signal(signal.SIGTERM)
                break
        seen += process.communicate(timeout=90)[0]
    run = read_run(process.returncode, seen, tmp_path / "runs")
    assert (run.code, run.summary["verdict"]) == (130, "interrupted"), run.output
    assert [(slo["verdict"], slo["action"]) for slo in run.summary["slo"]] == [("fail", "warn"), ("pass", "fail")]
    assert "warn    rest response p50 < 1us warn" in run.output
