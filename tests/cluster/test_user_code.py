"""Code of a plain locustfile's author that goes wrong: counted by name, and never a flood of our own making."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import BIN, ROOT, Run, Server, clean_environment, demo_backend, read_run

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

LOCUSTFILE = """
import gevent
from locust.exception import StopUser
from loadtest.swarm import WebSocketUser

class Author(WebSocketUser):
    ws_path = "/ws/index"

    def on_message(self, data):
        {code}
"""


@pytest.fixture
def backend() -> Iterator[Server]:
    with demo_backend() as server:
        yield server


def run_with(code: str, backend: Server, folder: Path, seconds: int) -> Run:
    path = folder / "author.py"
    path.write_text(LOCUSTFILE.format(code=code))
    command = [str(BIN / "locust"), "-f", str(path), "--host", backend.url, "--headless"]
    done = subprocess.run(
        [*command, "-u", "2", "-r", "2", "-t", f"{seconds}s"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=ROOT,
        env=clean_environment(LOADTEST_OUT=str(folder / "runs")),
    )
    return read_run(done.returncode, done.stdout + done.stderr, folder / "runs")


def test_an_exception_in_on_message_is_counted_and_does_not_make_a_reconnect_storm(
    backend: Server, tmp_path: Path
) -> None:
    run = run_with('raise ValueError("mine")', backend, tmp_path, 4)
    accepted = backend.stats()["channels"]["index"]["accepted"]
    assert 2 <= accepted <= 10  # two users, at most one connection a second each
    assert run.counted("Author", "connected") == run.counted("Author", "closed_by_us") == accepted
    assert {"group": "Author", "name": "internal error: ValueError", "count": accepted} in run.summary["errors"]


def test_stop_user_in_on_message_ends_the_user_and_is_no_error(backend: Server, tmp_path: Path) -> None:
    run = run_with("raise StopUser", backend, tmp_path, 3)
    assert backend.stats()["channels"]["index"]["accepted"] == 2
    assert run.summary["errors"] == []
    assert run.counted("Author", "closed_by_us") == 2


def test_a_slow_on_message_does_not_keep_the_run_from_ending(backend: Server, tmp_path: Path) -> None:
    began = time.monotonic()
    run = run_with("gevent.sleep(2)", backend, tmp_path, 5)
    assert time.monotonic() - began < 20
    assert run.summary["errors"] == []
    theirs = backend.stats()["channels"]["index"]
    assert run.counted("Author", "messages") == theirs["written"] + theirs["status"]
    assert run.counted("Author", "queue_overflows") > 0  # what on_message has not seen is said
