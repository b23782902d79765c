"""What subscribers feel, on two workers: lost, late, twice, out of order, judged by the backend's own counts."""

import json
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaos import freeze, reported
from programs import ROOT, Cluster, Run, Server, demo_backend, loadtest_run, serving, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

USERS = 20


BARE = (sys.executable, str(ROOT / "tests/support/bare_backend.py"), "--port", "0")


def profile(tmp_path: Path, seconds: int, limits: dict[str, str] | None = None, **group: Any) -> Path:
    path = tmp_path / "streams.yaml"
    subscribers = {"websocket": "/ws/index", "not_data": [{"binary": True}, {"keys": ["type"]}], **group}
    content = {
        "name": "streams",
        "target": {"url": "demo"},
        "users": {"subscribers": subscribers},
        "load": [{"step": USERS}, {"hold": f"{seconds}s"}],
        "limits": limits or {},
    }
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend({"WS_THROTTLE_INTERVAL_MS": "100", "DEMO_TICK_RATE": "20"}) as server:
        yield server


def index(backend: Server) -> dict[str, Any]:
    """The backend's own counts of the channel."""
    counts: dict[str, Any] = backend.stats()["channels"]["index"]
    return counts


def run_with_faults(backend: Server, path: Path, out: Path, *faults: dict[str, Any]) -> Run:
    """A run whose faults begin when every subscriber has got a broadcast, so that each counts for all that follow."""
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(loadtest_run, path, out, "--target", backend.url)
        until(lambda: index(backend)["open"] == USERS, "all subscribers connected")
        seen = index(backend)["broadcasts"]
        until(lambda: index(backend)["broadcasts"] > seen + 2, "each of them got a broadcast")
        backend.faults(*faults)
        return run.result()


def bare(tmp_path: Path, **environ: str) -> tuple[Run, list[dict[str, Any]]]:
    """A run against a backend without sequence numbers and times, and what that says of its connections."""
    with serving(*BARE, environ={"WS_THROTTLE_INTERVAL_MS": "100", **environ}) as server:
        run = loadtest_run(profile(tmp_path, 10), tmp_path / "runs", "--target", server.url)
        return run, counted_by(server)


def counted_by(server: Server) -> list[dict[str, Any]]:
    """End the bare backend: what it says of its connections."""
    server.process.send_signal(signal.SIGTERM)
    assert server.process.stdout is not None
    connections: list[dict[str, Any]] = json.loads(server.process.stdout.read())["connections"]
    return connections


SEQUENCE = {"sequence": "seq"}


@pytest.mark.parametrize("sequence", [SEQUENCE, {}], ids=["numbered", "unnumbered"])
@pytest.mark.parametrize(("share", "probability", "seed"), [(0.1, 0.01, 8), (0.6, 0.3, 11)])
def test_what_was_dropped_for_some_is_lost_for_them_and_for_nobody_else(
    *, backend: Server, tmp_path: Path, sequence: dict[str, str], share: float, probability: float, seed: int
) -> None:
    drop = {"kind": "drop", "share": share, "probability": probability, "seed": seed, "until": 5}
    run = run_with_faults(backend, profile(tmp_path, 11, **sequence), tmp_path / "runs", drop)
    dropped = index(backend)["dropped"]["fault"]
    found = run.summary["broadcasts"]["subscribers"]
    assert dropped > 0
    assert run.counted("subscribers", "lost") == dropped, run.output
    assert found["expected"] - found["counted"] == dropped
    assert USERS * (found["judged"] - 10) < found["expected"] <= USERS * found["judged"]  # some came a broadcast later
    assert found["completeness"] == pytest.approx(100 * found["counted"] / found["expected"])
    assert run.counted("subscribers", "duplicated") == run.counted("subscribers", "reordered") == 0
    theirs = [one["dropped"].get("fault", 0) for one in backend.get("/stats")["connections"]]
    missed = run.summary["connections"]["subscribers"]
    assert (missed["lost"]["messages"], missed["lost"]["most"]) == (dropped, max(theirs))
    assert sorted(one["lost"] for one in missed["worst"] if one["lost"]) == sorted(filter(None, theirs))[-10:]
    assert missed["lost"]["connections"] == len([count for count in theirs if count])
    assert f"{missed['lost']['connections']} lost {dropped}" in run.output


def test_what_nobody_got_is_missed_by_everybody_where_there_are_numbers(backend: Server, tmp_path: Path) -> None:
    drop = {"kind": "drop", "until": 1}
    run = run_with_faults(backend, profile(tmp_path, 9, **SEQUENCE), tmp_path / "runs", drop)
    dropped = index(backend)["dropped"]["fault"]
    found = run.summary["broadcasts"]["subscribers"]
    assert dropped == USERS * (dropped // USERS) > 0
    assert found["expected"] - found["counted"] == run.counted("subscribers", "lost") == dropped


def test_a_duplicated_and_a_swapped_message_are_each_counted_once(backend: Server, tmp_path: Path) -> None:
    duplicate = {"kind": "duplicate", "share": 0.5, "probability": 0.1, "seed": 2, "until": 5}
    swap = {"kind": "swap", "share": 0.5, "probability": 0.1, "seed": 5, "until": 5}
    run = run_with_faults(backend, profile(tmp_path, 9, **SEQUENCE), tmp_path / "runs", duplicate, swap)
    theirs = index(backend)
    assert theirs["duplicated"] > 0
    assert theirs["swapped"] > 0
    assert run.counted("subscribers", "duplicated") == theirs["duplicated"]
    assert run.counted("subscribers", "reordered") == theirs["swapped"]
    assert run.counted("subscribers", "lost") == 0
    assert run.summary["broadcasts"]["subscribers"]["completeness"] == 100


@pytest.mark.parametrize("sequence", [SEQUENCE, {}], ids=["numbered", "unnumbered"])
def test_half_of_the_subscribers_delayed_by_40_ms_is_a_skew_of_40_ms(
    backend: Server, tmp_path: Path, sequence: dict[str, str]
) -> None:
    delay = {"kind": "delay", "share": 0.5, "size": 0.04}
    run = run_with_faults(backend, profile(tmp_path, 9, **sequence), tmp_path / "runs", delay)
    floor = run.summary["broadcasts"]["subscribers"]["skew_floor_ms"]
    skew = run.metric("skew")
    assert skew["samples"] > 20
    assert 40 - floor <= skew["p50"] <= 40 + floor + 15  # at most as much above as a busy machine may add
    assert run.summary["broadcasts"]["subscribers"]["completeness"] == 100


@pytest.mark.parametrize("sequence", [SEQUENCE, {}], ids=["numbered", "unnumbered"])
def test_who_comes_and_goes_misses_nothing_by_that(backend: Server, tmp_path: Path, sequence: dict[str, str]) -> None:
    path = profile(tmp_path, 15, session={"length": "3s..6s"}, **sequence)
    run = loadtest_run(path, tmp_path / "runs", "--target", backend.url)
    theirs, found = index(backend), run.summary["broadcasts"]["subscribers"]
    assert run.counted("subscribers", "connected") == theirs["accepted"] > 2 * USERS
    assert run.counted("subscribers", "lost") == 0
    assert found["completeness"] == 100
    assert 0 < found["counted"] < run.counted("subscribers", "messages") == theirs["written"]


def test_identical_payloads_in_succession_are_told_apart_and_a_missed_one_is_missed_once(tmp_path: Path) -> None:
    run, connections = bare(tmp_path, BARE_PAYLOADS="still", BARE_SKIP="7")
    skipped = sum(connection["skipped"] for connection in connections)
    found = run.summary["broadcasts"]["subscribers"]
    assert skipped > 0
    assert found["expected"] - found["counted"] == run.counted("subscribers", "lost") == skipped
    assert found["judged"] > 50


def test_loss_without_numbers_is_what_the_others_got(tmp_path: Path) -> None:
    run, connections = bare(tmp_path, BARE_SKIP="5")
    skipped = sum(connection["skipped"] for connection in connections)
    assert run.counted("subscribers", "lost") == skipped > 0


@pytest.mark.parametrize("payloads", ["", "still"], ids=["all different", "all the same"])
def test_what_a_worker_that_stood_still_reads_late_is_not_missed(tmp_path: Path, payloads: str) -> None:
    """Without numbers: the kernel gives all that is read at once the time of the last of it, 3 s after the first."""
    limits = dict.fromkeys(("lag", "cpu_wait", "cpu", "gc"), "off")  # such a run is invalid, and this is about counts
    path = profile(tmp_path, 9, limits)
    with serving(*BARE, environ={"BARE_PAYLOADS": payloads}) as server, Cluster(tmp_path, path, server.url) as cluster:
        workers = [cluster.start("worker") for _ in range(2)]
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: reported(cluster) == USERS, "all connections are acknowledged")
        freeze(workers[0], 3.0)
        run = cluster.finished(master)
        theirs = counted_by(server)
    found = run.summary["broadcasts"]["subscribers"]
    assert [one["dropped"] + one["skipped"] for one in theirs] == [0] * USERS
    assert run.counted("subscribers", "messages") == sum(one["written"] for one in theirs)
    assert (found["completeness"], run.counted("subscribers", "lost")) == (100, 0), run.output
    assert found["judged"] >= 12
    assert run.counted("subscribers", "duplicated") == 0


def test_messages_that_are_all_different_are_nothing_that_the_others_missed(tmp_path: Path) -> None:
    run, _ = bare(tmp_path, BARE_PAYLOADS="own", BARE_SKIP="5")
    found = run.summary["broadcasts"]["subscribers"]
    assert found["completeness"] is None
    assert found["unjudged"] > 0
    assert run.counted("subscribers", "lost") == 0
    assert "completeness: not applicable" in run.output


def test_everybody_is_back_after_a_cut_that_the_server_refused_at_first_and_the_time_away_is_measured(
    backend: Server, tmp_path: Path
) -> None:
    path = profile(tmp_path, 9, session={"cut_every": "5s", "reconnect": {"backoff": "100ms..500ms"}}, **SEQUENCE)
    refuse = {"kind": "refuse", "until": 5}
    run = run_with_faults(backend, path, tmp_path / "runs", refuse)
    refused, accepted = backend.stats()["refused"]["fault"], index(backend)["accepted"]
    back = run.metric("reconnect")
    assert refused > 0
    assert run.counted("subscribers", "connects_failed") == refused
    assert (back["count"], back["failures"]) == (USERS, 0)
    assert accepted == 2 * USERS == run.counted("subscribers", "connected")
    assert run.counted("subscribers", "missed_meanwhile") > 0
    assert back["p50"] > run.metric("connect")["p50"]  # the time of the refused attempts is in it
    storm, ledger = run.summary["reconnects"]["subscribers"], run.summary["ledger"]["subscribers"]
    assert (storm["count"], storm["back"]) == (USERS, USERS)
    assert storm["refused"] == {"failed: connect: HTTP 503": refused}
    assert storm["missed_meanwhile"] == run.counted("subscribers", "missed_meanwhile")
    assert storm["back_50_ms"] == back["p50"] <= storm["back_95_ms"] == back["p95"] <= storm["back_100_ms"]
    assert storm["back_100_ms"] == pytest.approx(back["max"], rel=0.001)
    assert 1 <= storm["peak_established_per_s"] <= accepted
    assert 1 <= storm["peak_attempted_per_s"] <= accepted + refused
    assert ledger["causes"] == {
        "closed by us: 1000": 2 * USERS,
        "failed: connect: HTTP 503": refused,
    }
    assert "back: 20 of 20; 50 % after" in run.output
    assert f"{refused:,} failed: connect: HTTP 503" in run.output
