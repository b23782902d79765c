"""Open arrivals on a cluster: nothing is lost, a stall is charged to what it delayed, and workers may come and go."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import Cluster, Server, demo_backend, loadtest_run, until

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(240)]

PATH = "/api/vn30-components"


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def profile(folder: Path, users: Mapping[str, Any], load: list[Mapping[str, Any]]) -> Path:
    path = folder / "profiles" / "open.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump({"name": "open", "target": {"url": "demo"}, "users": users, "load": load}))
    return path


def visitors(rate: str, **more: Any) -> dict[str, Any]:
    return {"pace": {"rate": rate}, "connections": 20, "requests": [{"get": PATH}], **more}


def answered(backend: Server) -> int:
    return sum(backend.stats()["requests"].get(PATH, {}).values())


def when(condition: Callable[[], bool], act: Callable[[], None]) -> threading.Thread:
    """Do something in mid-run."""

    def watch() -> None:
        until(condition, "the run is on")
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def test_a_stall_is_charged_to_every_request_that_was_due_in_it(backend: Server, tmp_path: Path) -> None:
    """100 requests a second for 10 s, and a server that answers nothing for 2 s of them.

    By hand: 1,000 requests are due. The 10 slowest of them (p99) were due within 0.1 s of the stall's beginning, the
    50 slowest (p95) within 0.5 s: they waited at least 1.9 s and 1.5 s. There are only 20 connections, so that 20
    requests, 2 %, were on their way meanwhile: their service time is in the p99, and not in the p95. Twenty users who
    pause in between have 20 requests in the stall as well, and nobody could tell from those that others waited.
    """
    clickers = {"pace": {"pause": "180ms"}, "requests": [{"get": PATH}]}
    users = {"visitors": visitors("100/s"), "clickers": {"count": 20, **clickers}}
    path = profile(tmp_path, users, [{"step": 20}, {"hold": "10s"}])
    stall = {"kind": "stall", "path": "/api", "until": 2.0}
    thread = when(lambda: answered(backend) > 100, lambda: backend.faults(stall))
    run = loadtest_run(path, tmp_path / "runs", "--target", backend.url, "--workers", "2")
    thread.join()
    open_ = {name: run.counted("visitors", name) for name in ("due", "requests", "missed", "pending_at_end")}
    assert open_ == {"due": 1000, "requests": 1000, "missed": 0, "pending_at_end": 0}, run.output
    of = {(m["group"], m["measure"]): m for m in run.summary["metrics"]}
    response, service = of["visitors", "response"], of["visitors", "service"]
    # at 100/s the longest wait is the whole stall, each after it 10 ms shorter; p99 of 1,000 is the 11th, p95 the 51st
    assert response["max"] > 1900, run.output
    assert response["p99"] == pytest.approx(response["max"] - 100, abs=50), run.output
    assert response["p95"] == pytest.approx(response["max"] - 500, abs=50), run.output
    assert service["p95"] < 1000 < service["p99"], run.output
    assert of["clickers", "response"]["p95"] < 1000, run.output
    assert 1000 + run.counted("clickers", "requests") == answered(backend)


def test_what_finds_no_connection_is_missed_and_counted(backend: Server, tmp_path: Path) -> None:
    path = profile(tmp_path, {"visitors": visitors("200/s", patience="300ms")}, [{"hold": "6s"}])
    backend.faults({"kind": "stall", "path": "/api", "size": 0.5})  # 20 connections answer 40 a second
    run = loadtest_run(path, tmp_path / "runs", "--target", backend.url, "--workers", "2")
    counts = {name: run.counted("visitors", name) for name in ("requests", "missed", "pending_at_end")}
    assert run.counted("visitors", "due") == 1200 == sum(counts.values()), run.output
    assert counts["requests"] == answered(backend) <= 20 * 14
    assert counts["missed"] > 800


def test_a_worker_that_joins_takes_turns_and_the_total_stays_exact(backend: Server, tmp_path: Path) -> None:
    path = profile(tmp_path, {"visitors": visitors("100/s")}, [{"hold": "12s"}])
    with Cluster(tmp_path, path, backend.url) as cluster:
        cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "1")
        until(lambda: answered(backend) > 50, "the load began")
        cluster.start("worker")
        run = cluster.finished(master)
    assert run.counted("visitors", "due") == 1200, run.output
    assert run.counted("visitors", "requests") == 1200 == answered(backend)
    assert all(worker["requests"] > 100 for worker in run.summary["workers"])
    assert len(run.summary["workers"]) == 2


def test_the_others_take_the_turns_of_a_worker_that_is_lost(backend: Server, tmp_path: Path) -> None:
    """50 requests a second for 30 s: what one of two workers leaves undone is what was due until it was missed."""
    path = profile(tmp_path, {"visitors": visitors("50/s")}, [{"hold": "30s"}])
    with Cluster(tmp_path, path, backend.url) as cluster:
        cluster.start("worker")
        second = cluster.start("worker")
        master = cluster.start("master", "--headless", "--workers", "2")
        until(lambda: answered(backend) > 100, "the load began")
        killed = time.monotonic()
        second.kill()
        until(lambda: rate_of(backend) > 40, "the other worker sends it all")
        taken_over = time.monotonic() - killed
        run = cluster.finished(master)
    assert run.summary["verdict"] in ("pass", "invalid"), run.output
    assert answered(backend) >= 1500 - 25 * (taken_over + 2), run.output


def rate_of(backend: Server) -> float:
    """Requests a second, over a second."""
    began, before = time.monotonic(), answered(backend)
    until(lambda: time.monotonic() - began > 1, "a second")
    return (answered(backend) - before) / (time.monotonic() - began)
