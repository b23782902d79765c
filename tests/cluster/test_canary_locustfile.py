"""Secrets in a plain locustfile: in its paths, and in the host that it is given."""

import subprocess
from pathlib import Path

import pytest
from canaries import found_below, found_in
from programs import BIN, ROOT, clean_environment, demo_backend

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(120)]

CANARIES = {"path": "p4thc4n4ry81", "denied": "d3n13dc4n4ry82", "host": "h0stc4n4ry84"}
LOCUSTFILE = f"""
from loadtest.swarm import WebSocketUser

class Author(WebSocketUser):
    ws_path = "/ws/index?api_key={CANARIES["path"]}"

    def on_message(self, data):
        raise ValueError("mine")

class Denied(WebSocketUser):
    ws_path = "/ws/none?token={CANARIES["denied"]}"
"""


def run(host: str, folder: Path, code: str = LOCUSTFILE) -> "subprocess.CompletedProcess[str]":
    path = folder / "author.py"
    path.write_text(code)
    command = [str(BIN / "locust"), "-f", str(path), "--host", host, "--headless", "-u", "2", "-r", "2", "-t", "3s"]
    given = clean_environment(LOADTEST_OUT=str(folder / "runs"))
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, cwd=ROOT, env=given)


def test_paths_of_a_locustfile_whose_code_raises_leave_no_secret(tmp_path: Path) -> None:
    with demo_backend() as backend:
        done = run(backend.url, tmp_path)
        assert backend.stats()["channels"]["index"]["accepted"] > 0
    (summary,) = (tmp_path / "runs").glob("*/summary.json")
    assert "internal error: ValueError" in summary.read_text()  # it was raised
    hits = found_in("output", (done.stdout + done.stderr).encode(), CANARIES)
    assert hits + found_below(tmp_path / "runs", CANARIES) == []


@pytest.mark.parametrize("own", [False, True])
def test_a_host_with_a_password_is_refused_without_telling_it(tmp_path: Path, *, own: bool) -> None:
    url = f"http://user:{CANARIES['host']}@127.0.0.1:9"
    code = LOCUSTFILE + f'\n    host = "{url}"\n'
    done = run("http://127.0.0.1:9", tmp_path, code) if own else run(url, tmp_path)
    assert done.returncode == 2, done
    assert "must not hold credentials" in done.stderr
    assert found_in("output", (done.stdout + done.stderr).encode(), CANARIES) == []
    assert not (tmp_path / "runs").exists()
