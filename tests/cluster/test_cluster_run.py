"""`loadtest run` from end to end, as processes; counts compared with the backend's own."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import (
    BIN,
    ROOT,
    Server,
    assert_counts_equal,
    clean_environment,
    demo_backend,
    loadtest_run,
    read_run,
    until,
)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

CANARY = "canary-4711"

MIXED: dict[str, Any] = {
    "name": "mixed",
    "target": {"url": "demo", "token": "${WS_AUTH_TOKEN:-}", "clock": "/time"},
    "users": {
        "subscribers": {
            "websocket": "/ws/market",
            "share": 3,
            "expect": {"keys": ["quotes", "indices", "foreign", "derivatives", "prices"]},
            "not_data": [{"binary": True}, {"keys": ["type"]}],
            "send_time": {"field": "server_time", "unit": "s"},
            "sequence": "seq",
            "silence": "10s",
        },
        "pollers": {
            "share": 2,
            "pace": {"pause": "50ms..100ms"},
            "requests": [
                {"get": "/api/market/snapshot", "weight": 3, "expect": {"keys": ["quotes"]}},
                {"get": "/api/market/alerts?limit=50", "weight": 1},
            ],
        },
    },
    "load": [{"ramp": 20, "over": "2s"}, {"hold": "4s"}, {"ramp": 0, "over": "2s"}],
    "slo": ["errors < 1%", "websocket delivery p99 < 5s", "rest response p95 < 5s"],
}


def written(tmp_path: Path, **changes: object) -> Path:
    path = tmp_path / "mixed.yaml"
    path.write_text(yaml.safe_dump({**MIXED, **changes}))
    return path


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def test_a_run_counts_exactly_what_the_backend_counted(backend: Server, tmp_path: Path) -> None:
    run = loadtest_run(written(tmp_path), tmp_path / "runs", "--target", backend.url)
    assert run.code == 0, run.output
    assert run.summary["verdict"] == "pass"
    assert run.summary["peak_users"] == 20
    assert len(run.summary["workers"]) == 2
    assert run.summary["errors"] == []
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    ledger = run.summary["ledger"]["subscribers"]
    assert ledger["established"] == ledger["closed_by_us"] == 12
    assert run.metric("delivery")["count"] == run.counted("subscribers", "messages") > 0
    assert 0 < run.metric("delivery")["p50"] < 1000


def test_a_breached_slo_ends_with_1_and_is_named(backend: Server, tmp_path: Path) -> None:
    profile = written(tmp_path, slo=["rest response p95 < 1us"])
    run = loadtest_run(profile, tmp_path / "runs", "--target", backend.url, "--users", "4", "--duration", "4s")
    assert run.code == 1, run.output
    assert run.summary["verdict"] == "fail"
    assert "rest response p95 < 1us" in run.output


def test_wrong_token_is_counted_by_name_with_a_hint_and_without_the_token(tmp_path: Path) -> None:
    with demo_backend({"WS_AUTH_TOKEN": "right"}) as server:
        profile = written(tmp_path)
        run = loadtest_run(profile, tmp_path / "runs", "--target", server.url, WS_AUTH_TOKEN=CANARY)
        refused = server.stats()["refused"]
    assert run.code == 1, run.output
    names = {error["name"]: error["count"] for error in run.summary["errors"]}
    assert names["connect: HTTP 403"] == run.counted("subscribers", "connects_failed") == refused["token"] > 0
    assert any("WS_AUTH_TOKEN" in hint for hint in run.summary["hints"])
    assert run.directory is not None
    for path in run.directory.rglob("*"):
        assert not path.is_file() or CANARY not in path.read_text(errors="replace"), path
    assert CANARY not in run.output


def test_no_target_ends_with_4_before_anything_is_started(tmp_path: Path) -> None:
    run = loadtest_run(written(tmp_path), tmp_path / "runs", "--target", "http://127.0.0.1:9")
    assert run.code == 4
    assert "127.0.0.1:9" in run.output


def test_a_broken_profile_ends_with_2_and_every_mistake(tmp_path: Path) -> None:
    run = loadtest_run(written(tmp_path, load=[{"ramp": -1, "over": "2s"}], seed="x"), tmp_path / "runs")
    assert run.code == 2
    assert "load.0.ramp" in run.output
    assert "seed" in run.output


def test_plain_locust_runs_the_locustfile_and_users_rate_and_time_are_obeyed(backend: Server, tmp_path: Path) -> None:
    profile = written(tmp_path)
    command = [str(BIN / "locust"), "-f", "loadtest/locustfile.py", "--host", backend.url, "--headless"]
    done = subprocess.run(
        [*command, "-u", "10", "-r", "5", "-t", "6s"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env=clean_environment(LOADTEST_PROFILE=str(profile), LOADTEST_OUT=str(tmp_path / "runs")),
    )
    run = read_run(done.returncode, done.stdout + done.stderr, tmp_path / "runs")
    assert run.code == 0, run.output
    assert run.summary["peak_users"] == 10
    assert 5.9 <= run.summary["duration_s"] < 8
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})
    assert "Aggregated" in run.output  # Locust's own table is printed, and filled from ours


def test_ctrl_c_drains_and_reports_and_ends_with_130(backend: Server, tmp_path: Path) -> None:
    command = [str(BIN / "loadtest"), "run", str(written(tmp_path, load=[{"ramp": 10, "over": "1s"}, {"hold": "60s"}]))]
    process = subprocess.Popen(
        [*command, "--target", backend.url, "--out", str(tmp_path / "runs")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=ROOT,
        env=clean_environment(),
    )
    until(lambda: backend.stats()["channels"]["market"]["open"] == 6, "all subscribers connected")
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    run = read_run(process.returncode, output, tmp_path / "runs")
    assert run.code == 130, output
    assert run.summary["verdict"] == "interrupted"
    assert_counts_equal(run, backend.stats(), {"subscribers": "market"})


def test_a_live_check_prints_what_one_user_of_each_group_sends_and_gets(backend: Server, tmp_path: Path) -> None:
    command = [str(BIN / "loadtest"), "check", "--live", "--seconds", "2", "--target", backend.url]
    good = subprocess.run(
        [*command, str(written(tmp_path))],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=clean_environment(),
    )
    assert good.returncode == 0, good.stdout + good.stderr
    assert "> GET /api/market/snapshot" in good.stdout
    assert "→ data, sent at" in good.stdout
    assert "every check held" in good.stdout
    users = {**MIXED["users"], "pollers": {**MIXED["users"]["pollers"], "requests": [{"get": "/api/none"}]}}
    bad = subprocess.run(
        [*command, str(written(tmp_path, users=users, slo=[]))],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=clean_environment(),
    )
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert "✗ response: HTTP 404" in bad.stdout
