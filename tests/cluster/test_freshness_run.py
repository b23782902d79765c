"""How old the data was, judged by servers that know: a fixed age, and a fixed delay."""

import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import ROOT, Run, demo_backend, loadtest_run, serving

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

LATE_MS = 300
"""What a busy machine may add to the median of many messages."""


def profile(folder: Path, clock: str | None, slos: list[str], **groups: Any) -> Path:
    path = folder / "freshness.yaml"
    channel = {"websocket": "/ws/index", "not_data": [{"binary": True}, {"keys": ["type"]}], "count": 4}
    content = {
        "name": "freshness",
        "target": {"url": "demo"} if clock is None else {"url": "demo", "clock": clock},
        "users": {group: channel | keys for group, keys in groups.items()},
        "load": [{"step": 4 * len(groups)}, {"hold": "6s"}],
        "slo": slos,
        "limits": dict.fromkeys(("lag", "cpu", "cpu_wait", "gc"), "off"),  # a busy machine is another test's
    }
    path.write_text(yaml.safe_dump(content))
    return path


def ages(run: Run, group: str) -> dict[str, Any]:
    (found,) = (m for m in run.summary["metrics"] if (m["group"], m["measure"]) == (group, "freshness"))
    return dict(found)


def test_data_of_a_known_age_has_that_age_and_what_has_no_time_is_counted_as_that(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        "same",
        ["newest freshness p95 < 2.9s", "newest freshness p50 > 1.5s", "oldest freshness p95 < 3s warn"],
        newest={"freshness": {"field": "as_of.*.at"}},
        oldest={"freshness": {"field": "as_of.*.at", "pick": "min", "unit": "iso"}},
        without={"freshness": {"field": "as_of.*.time"}},
    )
    command = (sys.executable, str(ROOT / "tests/support/bare_backend.py"), "--port", "0")
    with serving(*command, environ={"WS_THROTTLE_INTERVAL_MS": "100", "BARE_AGE": "1.5"}) as server:
        run = loadtest_run(path, tmp_path / "runs", "--target", server.url)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stdout is not None
        theirs = json.loads(server.process.stdout.read())
    assert run.code == 0, run.output
    newest, oldest = ages(run, "newest"), ages(run, "oldest")
    assert 1500 <= newest["p50"] <= 1500 + LATE_MS
    assert 6500 <= oldest["p50"] <= 6500 + LATE_MS
    assert [slo["verdict"] for slo in run.summary["slo"]] == ["pass", "pass", "fail"]  # the last only warns
    undated = run.counted("without", "undated")
    assert undated == run.counted("without", "messages") > 0
    assert newest["samples"] + oldest["samples"] + undated == theirs["written"]["/ws/index"]
    assert run.counted("newest", "undated") == run.counted("without", "bad_messages") == 0


def test_times_that_are_cut_off_to_whole_seconds_widen_the_bound_and_turn_no_slo(tmp_path: Path) -> None:
    """The true age is 1.5 s; what is seen is up to a second more, so that 2 s can't be judged, and 5 s can."""
    slos = ["stream freshness p50 < 2s", "stream freshness p95 < 5s", "stream gap p50 < 1s"]
    path = profile(tmp_path, "same", slos, stream={"freshness": {"field": "as_of.*.at"}})
    command = (sys.executable, str(ROOT / "tests/support/bare_backend.py"), "--port", "0")
    environ = {"WS_THROTTLE_INTERVAL_MS": "90", "BARE_AGE": "1.5", "BARE_STEP": "1"}
    with serving(*command, environ=environ) as server:
        run = loadtest_run(path, tmp_path / "runs", "--target", server.url, "--duration", "12s")
    assert [slo["verdict"] for slo in run.summary["slo"]] == ["no-data", "pass", "pass"], run.output
    assert [slo["error"] for slo in run.summary["slo"]] == [1.0, 1.0, 0.0]
    assert "freshness is right to ± 1 s only" in run.output


def test_what_delays_a_message_makes_its_data_older_by_as_much(tmp_path: Path) -> None:
    delay = 0.4
    path = profile(
        tmp_path,
        "/time",
        ["websocket freshness p50 < 5s"],
        stream={"send_time": {"field": "server_time"}, "freshness": {"field": "VN30.last_updated"}},
        stamp={"freshness": {"field": "server_time", "unit": "s"}},  # the age of the publishing: what delivery is
    )
    with demo_backend({"WS_THROTTLE_INTERVAL_MS": "100", "DEMO_TICK_RATE": "20"}) as backend:
        backend.faults({"kind": "delay", "path": "/ws/index", "size": delay})
        run = loadtest_run(path, tmp_path / "runs", "--target", backend.url)
        theirs = backend.stats()["channels"]["index"]
    assert run.code == 0, run.output
    (slo,) = run.summary["slo"]
    error = slo["error"] * 1000
    assert error > 0
    stream, stamp, delivery = ages(run, "stream"), ages(run, "stamp"), run.metric("delivery")
    assert 1000 * delay - error <= stamp["p50"] <= 1000 * delay + error + LATE_MS
    assert delivery["p50"] <= stream["p50"] <= delivery["p50"] + 100 + LATE_MS  # the index waits for its broadcast
    assert stream["samples"] + stamp["samples"] == theirs["written"]
    assert stream["samples"] == delivery["samples"] == run.counted("stream", "messages")


def test_without_the_targets_clock_nothing_is_said_of_ages(tmp_path: Path) -> None:
    path = profile(tmp_path, None, ["errors < 1%"], stream={"freshness": {"field": "VN30.last_updated"}})
    with demo_backend() as backend:
        run = loadtest_run(path, tmp_path / "runs", "--target", backend.url, "--duration", "3s")
    assert run.code == 0, run.output
    assert not [metric for metric in run.summary["metrics"] if metric["measure"] == "freshness"]
    assert run.counted("stream", "unclocked") == run.counted("stream", "messages") > 0
