"""Targets that hang, refuse, turn everybody away, or never accept: errors by name, and a worker that does not spin."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from chaos import assert_no_traceback, cpu_seconds, freeze, memory, open_now, seconds_until, until_steady, write_profile
from programs import ROOT, Cluster, Run, demo_backend, free_port, serving, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20
IDLE = 0.5
"""Of a core: a worker whose target is gone uses less."""
STEADY = 16 << 20
"""Bytes: it does not grow by more."""


class Watch:
    """What a process uses from now on."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.began, self.cpu, self.memory = time.monotonic(), cpu_seconds(pid), memory(pid)

    def assert_it_idles(self) -> None:
        share = (cpu_seconds(self.pid) - self.cpu) / (time.monotonic() - self.began)
        grown = memory(self.pid) - self.memory
        sys.stdout.write(f"CPU {share:.1%}, memory +{grown / 2**20:.1f} MiB\n")
        assert share < IDLE
        assert grown < STEADY


def run_against(url: str, folder: Path, **changes: Any) -> Run:
    """A run of one worker, whose use of CPU and memory is judged."""
    load = [{"ramp": USERS, "over": "1s"}, {"hold": "10s"}]
    with Cluster(folder, write_profile(folder, load, **changes), url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until(lambda: "begins on" in cluster.logs(), "the run has begun")
        watch = Watch(worker.pid)
        time.sleep(9)  # this is the fault, not a wait for something
        watch.assert_it_idles()
        run = cluster.finished(master)
        assert worker.wait(30) == 0
        assert_no_traceback(cluster)
    return run


def names(run: Run) -> dict[str, int]:
    return {error["name"]: error["count"] for error in run.summary["errors"]}


def assert_all_were_turned_away(run: Run, code: int, remedy: str) -> None:
    ledger = run.summary["ledger"]["subscribers"]
    assert (ledger["open"], ledger["pending"], ledger["established"]) == (0, 0, 0)
    assert ledger["attempted"] == ledger["failed"] + ledger["cancelled"] >= USERS
    assert sum(names(run).values()) == ledger["failed"] < USERS * 20  # backing off from 100 ms to 5 s, with jitter
    assert run.code == code, run.output
    assert remedy in run.output
    if code == 4:
        assert "nothing answers at the target" in run.summary["why"]


def test_a_port_that_is_closed_from_the_start_ends_with_the_code_for_no_target(tmp_path: Path) -> None:
    run = run_against(f"http://127.0.0.1:{free_port()}", tmp_path)
    assert set(names(run)) == {"connect: refused"}
    assert_all_were_turned_away(run, 4, "nothing listens at the target's port")


@pytest.mark.parametrize(
    ("how", "errors", "code", "remedy"),
    [
        ("closes", {"connect: connection closed", "connect: connection reset"}, 4, "hangs up before it answers"),
        pytest.param(
            "busy", {"connect: HTTP 503"}, 1, "the target is over a limit of its own", marks=pytest.mark.chaos
        ),
        pytest.param("deaf", {"connect: timeout: TCP"}, 4, "is its backlog full", marks=pytest.mark.chaos),
    ],
)
def test_a_target_that_turns_everybody_away_is_named_with_a_remedy_and_backed_off_from(
    tmp_path: Path, how: str, errors: set[str], code: int, remedy: str
) -> None:
    counts = tmp_path / "accepted"
    script = ROOT / "tests" / "support" / "unfriendly_backend.py"
    with serving(sys.executable, str(script), how, str(counts)) as target:
        run = run_against(target.url, tmp_path)
    assert set(names(run)) <= errors
    assert_all_were_turned_away(run, code, remedy)
    attempts = run.summary["ledger"]["subscribers"]["failed"]
    clock = 6  # attempts to read the target's clock
    assert how == "deaf" or attempts <= int(counts.read_text()) <= attempts + 8 + clock


HANG_S = 10.0


def test_a_target_that_hangs_is_named_charged_to_what_waited_and_recovers(tmp_path: Path) -> None:
    """For 10 s it answers nothing, and its kernel goes on to take connections and bytes.

    Whoever asks every second has ten requests that were due meanwhile: their response times are what was left of the
    hang, 10 s to 1 s, also of those that could only be sent after it.
    """
    get = [{"get": "/health"}]
    users = {
        "subscribers": {
            "websocket": "/ws/market",
            "count": USERS,
            "expect": {"keys": ["quotes"]},
            "not_data": [{"binary": True}, {"keys": ["type"]}],
            "send_time": {"field": "server_time"},
            "silence": "4s",
        },
        "patient": {"count": 4, "pace": {"every": "1s"}, "timeout": "30s", "requests": get},
        "impatient": {"count": 4, "pace": {"pause": "100ms"}, "timeout": "3s", "requests": get},
    }
    load = [{"ramp": USERS + 8, "over": "1s"}, {"hold": "24s"}]
    profile = write_profile(tmp_path, load, users=users, slo=["impatient errors < 50%"])
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        watch = Watch(worker.pid)
        freeze(backend.process, HANG_S)
        watch.assert_it_idles()
        answered = requests(backend.stats())
        seconds_until(lambda: requests(backend.stats()) > answered + 20, "it answers again")
        assert open_now(backend) == USERS  # nobody was disconnected
        run = cluster.finished(master)
        theirs = backend.stats()
    assert run.code == 0, run.output
    assert_no_traceback(cluster)
    found = names(run)
    assert set(found) == {"request: timeout", "silent: connected, but no data for longer than `silence`"}
    assert found["silent: connected, but no data for longer than `silence`"] == USERS
    assert 4 * 3 <= found["request: timeout"] <= 4 * 4
    of = {(m["group"], m["measure"]): m for m in run.summary["metrics"]}
    assert (HANG_S - 1.5) * 1000 < of["patient", "response"]["max"] < (HANG_S + 2) * 1000
    # of 100 (25 of each of four users) 40 waited, evenly from 10 s down; only 4 could be sent, with a long service time
    assert of["patient", "response"]["count"] == 100
    assert of["patient", "response"]["p95"] > 7000
    assert of["patient", "service"]["p95"] < 1000
    received = sum(run.counted("subscribers", name) for name in ("messages", "not_data", "bad_messages"))
    market = theirs["channels"]["market"]
    assert received == market["written"] + market["heartbeats"] + market["status"]
    assert run.counted("subscribers", "connected") == market["accepted"] == USERS
    ours = sum(run.requests().values())
    assert ours - found["request: timeout"] <= requests(theirs) <= ours  # what was given up on may be answered too


@pytest.mark.chaos
def test_a_target_that_hangs_when_the_run_ends_keeps_it_waiting_no_longer_than_stated(tmp_path: Path) -> None:
    get = [{"get": "/health"}]
    users = {
        "subscribers": {"websocket": "/ws/market", "count": USERS, "not_data": [{"keys": ["type"]}]},
        "pollers": {"count": 4, "pace": {"pause": "100ms"}, "timeout": "30s", "requests": get},
    }
    load = [{"ramp": USERS + 4, "over": "1s"}, {"hold": "6s"}]
    profile = write_profile(tmp_path, load, users=users, slo=["pollers errors < 1%"])
    with demo_backend() as backend, Cluster(tmp_path, profile, backend.url) as cluster:
        worker = cluster.start("worker")
        master = cluster.start("master", "--headless")
        until_steady(cluster, backend, USERS)
        backend.process.send_signal(signal.SIGSTOP)
        try:
            seconds_until(lambda: master.poll() is not None, "the run has its verdict")
            assert worker.wait(30) == 0
        finally:
            backend.process.send_signal(signal.SIGCONT)
        run = cluster.finished(master)
    assert run.code == 1, run.output
    ledger = run.summary["ledger"]["subscribers"]
    assert (ledger["open"], ledger["pending"], ledger["established"]) == (0, 0, USERS)
    assert names(run)["close: no answer"] == USERS
    unanswered = "request: unanswered when its user had to leave"  # and no passing SLO without those four
    assert names(run)[unanswered] == 4 == run.counted("pollers", "requests_cancelled")
    response = run.metric("response")
    assert response["failures"] == 4
    assert response["count"] == run.counted("pollers", "requests")
    assert_no_traceback(cluster)


def requests(stats: dict[str, Any]) -> int:
    return sum(stats["requests"].get("/health", {}).values())
