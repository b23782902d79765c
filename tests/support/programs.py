"""Starts the programs under test as a user would, and reads what they leave."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent


@dataclass
class Server:
    """A backend that runs in a process of its own."""

    url: str
    process: "subprocess.Popen[str]"

    def get(self, path: str) -> Any:
        """The JSON answer of a path."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:  # noqa: S310 - our own URL
            return json.load(answer)

    def stats(self) -> dict[str, Any]:
        """The demo backend's own counts: the witness."""
        counts: dict[str, Any] = self.get("/stats?connections=0")
        return counts

    def faults(self, *faults: Mapping[str, Any]) -> None:
        """Set the demo backend's faults; none: as it should be."""
        request = urllib.request.Request(  # noqa: S310 - our own URL
            self.url + "/faults", json.dumps(faults).encode(), {"Content-Type": "application/json"}
        )
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


@contextmanager
def serving(*command: str, environ: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Start a server that prints `listening on URL`, and end it."""
    env = {**os.environ, "WS_MAX_CONNECTIONS_PER_IP": "0", **(environ or {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("listening on "), f"{command} said {line!r}"
        yield Server(line.removeprefix("listening on ").strip(), process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        process.stdout.close()


def demo_backend(environ: Mapping[str, str] | None = None) -> Any:
    """The demo backend on a free port."""
    return serving(sys.executable, "-m", "backend", "--host", "127.0.0.1", "--port", "0", environ=environ)


@dataclass
class Run:
    """What a run of `loadtest run` or `locust` left."""

    code: int
    output: str
    summary: dict[str, Any] = field(default_factory=dict)
    directory: Path | None = None

    def counted(self, group: str, name: str) -> int:
        """A counter of a group; 0 if it never moved."""
        return int(self.summary["counters"].get(group, {}).get(name, 0))

    def metric(self, measure: str, name: str | None = None) -> dict[str, Any]:
        """The one series of a measure (and name)."""
        (found,) = (m for m in self.summary["metrics"] if m["measure"] == measure and name in (None, m["name"]))
        return dict(found)

    def requests(self) -> dict[str, int]:
        """Path -> requests, over all groups."""
        counts: dict[str, int] = {}
        for metric in self.summary["metrics"]:
            if metric["measure"] == "service":
                path = metric["name"].partition(" ")[2].partition("?")[0]
                counts[path] = counts.get(path, 0) + metric["count"]
        return counts


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change a run."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("LOADTEST_", "LOCUST_", "WS_"))}
    return {**keep, **more}


def read_run(code: int, output: str, out: Path) -> Run:
    """The newest run below `out`."""
    directories = sorted(path.parent for path in out.glob("*/summary.json") if json.loads(path.read_text())["finished"])
    if not directories:
        return Run(code, output)
    newest = max(directories, key=lambda path: (path / "summary.json").stat().st_mtime)
    return Run(code, output, json.loads((newest / "summary.json").read_text()), newest)


def loadtest_run(profile: Path | str, out: Path, *arguments: str, timeout: float = 180, **environ: str) -> Run:
    """`loadtest run PROFILE …` to its end."""
    command = [str(BIN / "loadtest"), "run", str(profile), "--out", str(out), *arguments]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        env=clean_environment(**environ),
        cwd=ROOT,
        check=False,
    )
    return read_run(done.returncode, done.stdout + done.stderr, out)


def assert_counts_equal(run: Run, stats: Mapping[str, Any], channels: Mapping[str, str]) -> None:
    """What we counted is what the backend counted, exactly. `channels`: group -> channel; several may share one."""
    for channel in set(channels.values()):
        groups = [group for group, its in channels.items() if its == channel]
        theirs = stats["channels"][channel]
        received = sum(
            run.counted(group, name) for group in groups for name in ("messages", "not_data", "bad_messages")
        )
        assert received == theirs["written"] + theirs["heartbeats"] + theirs["status"], (groups, run.output)
        assert sum(run.counted(group, "connected") for group in groups) == theirs["accepted"]
        assert theirs["open"] == 0
    answered = {path: sum(by_status.values()) for path, by_status in stats["requests"].items()}
    assert run.requests() == load_of(answered), run.summary["counters"]


def load_of(requests: Mapping[str, int]) -> dict[str, int]:
    """Requests by path without those that are not load: the clock's and the tests' own."""
    return {path: count for path, count in requests.items() if path not in ("/time", "/stats", "/faults")}


def free_port() -> int:
    """A TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A master and workers started by hand, by the commands that containers use."""

    def __init__(self, folder: Path, profile: Path, target: str, **environ: str) -> None:
        self.folder = folder
        self.out = folder / "runs"
        self.environ = clean_environment(
            LOADTEST_PROFILE=str(profile),
            LOADTEST_PROFILES=str(profile.parent),
            LOADTEST_TARGET=target,
            LOADTEST_OUT=str(self.out),
            LOADTEST_MASTER_PORT=str(free_port()),
            LOADTEST_MASTER_BIND_HOST="127.0.0.1",
            **environ,
        )
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, role: str, *arguments: str, inside: Sequence[str] = (), **environ: str) -> "subprocess.Popen[str]":
        """Start `loadtest ROLE …`, after the words of `inside`; its output goes to a log in the folder."""
        log = (self.folder / f"{role}-{len(self.processes)}.log").open("w")
        process = subprocess.Popen(
            [*inside, str(BIN / "loadtest"), role, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**self.environ, **environ},
            cwd=ROOT,
        )
        log.close()
        self.processes.append(process)
        return process

    def finished(self, master: "subprocess.Popen[str]", timeout: float = 120) -> Run:
        """Wait for the master and read its run."""
        code = master.wait(timeout)
        return read_run(code, self.logs(), self.out)

    def logs(self) -> str:
        """Everything that was printed and logged."""
        return "\n".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait(20)


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.05)


def reachable(url: str) -> bool:
    """Whether a page answers there."""
    try:
        urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own URL
    except OSError:
        return False
    return True
