"""Slow consumers on two workers, judged by the backend's own counts of what it dropped for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from programs import Server, demo_backend, loadtest_run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

GROUP = {
    "websocket": "/ws/market",
    "not_data": [{"binary": True}, {"keys": ["type"]}],
    "send_time": {"field": "server_time"},
    "sequence": "seq",
    "silence": "2s",
}


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend({"WS_THROTTLE_INTERVAL_MS": "100", "DEMO_TICK_RATE": "20", "WS_QUEUE_SIZE": "3"}) as server:
        yield server


def test_what_the_backend_drops_for_slow_consumers_is_what_they_lost_and_nobody_else_is_judged_by_it(
    backend: Server, tmp_path: Path
) -> None:
    """They pause for 4 s, in which far more is sent than fits, and have caught up when they leave."""
    path = tmp_path / "slow.yaml"
    content = {
        "name": "slow",
        "target": {"url": "demo", "clock": "/time"},
        "users": {"fast": GROUP, "slow": {**GROUP, "read": {"pause": "4s", "every": "8s", "buffer": "4KiB"}}},
        "load": {
            "fast": [{"step": 6}, {"hold": "15s"}],
            "slow": [{"hold": "3s"}, {"step": 4}, {"hold": "11s"}, {"step": 0}, {"hold": "1s"}],
        },
        "slo": ["websocket delivery p99 < 10s", "errors < 1%", "lost <= 0", "slow lost > 0", "slow behind max > 1s"],
    }
    path.write_text(yaml.safe_dump(content))
    run = loadtest_run(path, tmp_path / "runs", "--target", backend.url)
    theirs = backend.stats()["channels"]["market"]
    found = run.summary["slow_consumers"]["groups"]["slow"]
    assert run.code == 0, run.output
    assert theirs["dropped"]["queue_full"] == run.counted("slow", "lost") == found["lost"] > 0
    each = [one["dropped"].get("queue_full", 0) for one in backend.get("/stats")["connections"]]
    missed = run.summary["connections"]["slow"]
    assert sorted(one["lost"] for one in missed["worst"] if one["lost"]) == sorted(filter(None, each))
    assert missed["lost"]["connections"] == len([count for count in each if count])
    assert (missed["lost"]["messages"], missed["lost"]["most"]) == (found["lost"], max(each))
    assert missed["silence"]["connections"] == 0
    assert run.counted("fast", "lost") == run.counted("slow", "silences") == 0
    assert run.counted("fast", "messages") + run.counted("slow", "messages") == theirs["written"]
    assert run.summary["broadcasts"]["fast"]["completeness"] == 100
    assert found["subscribers"] == 4
    assert found["closed"] == []
    assert found["behind_s"]["max"] > 1
    assert found["unread_bytes_max"] > 0
    others = run.summary["slow_consumers"]["others"]
    assert others["while_behind"]["seconds"] > 0
    assert others["without"]["seconds"] > 0
    assert "slow · slow: behind p50" in run.output
    assert run.directory is not None
    assert "Slow consumers" in (run.directory / "report.html").read_text()
