"""examples/: plain locustfiles under plain `locust`, alone and with workers, with full results."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import BIN, ROOT, Run, Server, clean_environment, demo_backend, free_port, read_run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def locust(example: str, backend: Server, out: Path, workers: int) -> Run:
    """Run an example with `workers` workers, or (0) in one process."""
    base = [str(BIN / "locust"), "-f", f"examples/{example}.py"]
    port = str(free_port())
    environ = clean_environment(LOADTEST_OUT=str(out))
    followers = [
        subprocess.Popen(
            [*base, "--worker", "--master-port", port],
            env=environ,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(workers)
    ]
    role = ["--master", "--master-bind-port", port, "--expect-workers", str(workers)] if workers else []
    done = subprocess.run(
        [*base, *role, "--host", backend.url, "--headless", "-u", "8", "-r", "8", "-t", "5s"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environ,
        cwd=ROOT,
        check=False,
    )
    assert [follower.wait(60) for follower in followers] == [0] * workers
    return read_run(done.returncode, done.stdout + done.stderr, out)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_subscriber_counts_what_the_backend_wrote(backend: Server, tmp_path: Path, workers: int) -> None:
    run = locust("subscriber", backend, tmp_path, workers)
    assert run.code == 0, run.output
    theirs = backend.stats()["channels"]["index"]
    assert run.counted("PriceWatcher", "connected") == theirs["accepted"] == 8
    assert theirs["closed"] == {"client 1000": 8}
    assert run.counted("PriceWatcher", "messages") == theirs["written"]
    assert run.counted("PriceWatcher", "not_data") == theirs["status"] + theirs["heartbeats"]
    assert "message PriceWatcher" in run.output  # Locust's own table is filled


@pytest.mark.parametrize("workers", [0, 2])
def test_the_visitor_counts_what_the_backend_answered(backend: Server, tmp_path: Path, workers: int) -> None:
    run = locust("visitor", backend, tmp_path, workers)
    assert run.code == 0, run.output
    theirs = {path: sum(by.values()) for path, by in backend.stats()["requests"].items() if path.startswith("/api/")}
    assert run.requests() == theirs
    assert run.summary["errors"] == []
    assert min(theirs.values()) > 0


@pytest.mark.parametrize("workers", [0, 2])
def test_the_poller_counts_what_the_backend_answered(backend: Server, tmp_path: Path, workers: int) -> None:
    run = locust("poller", backend, tmp_path, workers)
    assert run.code == 0, run.output
    theirs = {path: sum(by.values()) for path, by in backend.stats()["requests"].items() if path.startswith("/api/")}
    assert run.requests() == theirs
    assert min(theirs.values()) > 0
    rows = [line for line in run.output.splitlines() if line.startswith("GET") and "/api/market/snapshot" in line]
    assert any(str(theirs["/api/market/snapshot"]) in row.split() for row in rows), run.output
