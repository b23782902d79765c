"""Every shipped profile against the demo backend, and some against another one without times and sequences."""

import json
import signal
import sys
from pathlib import Path

import pytest
from programs import ROOT, assert_counts_equal, demo_backend, load_of, loadtest_run, serving

from loadtest import profiles
from loadtest.profiles import WebSocketGroup

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

SHIPPED = sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml"))
SHORT = ("--duration", "6s", "--users", "40")


def channels(name: str) -> dict[str, str]:
    """Group -> channel of a profile's subscribers."""
    profile = profiles.load_file(ROOT / "profiles" / f"{name}.yaml", {})
    return {
        group: spec.websocket.rpartition("/")[2]
        for group, spec in profile.users.items()
        if isinstance(spec, WebSocketGroup)
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_profile_counts_what_the_demo_backend_counts(name: str, tmp_path: Path) -> None:
    # a cut every 10 s never comes in 6 s
    short = ("--duration", "13s", "--users", "40") if name == "reconnect-storm" else SHORT
    with demo_backend() as backend:
        run = loadtest_run(name, tmp_path, "--target", backend.url, *short)
        stats = backend.stats()
    assert run.summary["verdict"] in ("pass", "fail"), run.output
    assert run.summary["errors"] == [], run.output
    assert_counts_equal(run, stats, channels(name))


@pytest.mark.parametrize("name", ["smoke", "market-open-burst"])
def test_without_times_and_sequences_there_is_gap_and_ping_and_no_delivery(name: str, tmp_path: Path) -> None:
    with serving(sys.executable, str(ROOT / "tests/support/bare_backend.py"), "--port", "0") as backend:
        run = loadtest_run(name, tmp_path, "--target", backend.url, *SHORT)
        backend.process.send_signal(signal.SIGTERM)
        assert backend.process.stdout is not None
        counts = json.loads(backend.process.stdout.read())
    assert run.code == 3, run.output  # an SLO on delivery can't be judged
    measures = {metric["measure"] for metric in run.summary["metrics"] if metric["kind"] == "websocket"}
    assert measures >= {"connect", "gap"}
    assert "delivery" not in measures
    assert run.summary["errors"] == []
    del counts["requests"]["(other)"]  # the clock was asked for at /time, which this backend does not have
    assert run.requests() == load_of(counts["requests"])
    received = sum(run.counted(group, key) for group in channels(name) for key in ("messages", "not_data"))
    assert received == sum(c["written"] + c["heartbeats"] + c["status"] for c in counts["connections"])
