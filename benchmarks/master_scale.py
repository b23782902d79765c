"""`python -m benchmarks.master_scale`: one real master, and workers that are nothing but their messages.

Each simulated worker joins, sends heartbeats, Locust's reports and a Record of six series a second, and waits for its
acknowledgement. Printed: the master's CPU and memory, how long its page and its status take, how late acknowledgements
are, and how much its journal grows.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any

from locust.stats import RequestStats

import msgpack
import msgspec
import zmq

from loadtest.histogram import Histogram
from loadtest.profiles import load_file
from loadtest.results import Measured
from loadtest.swarm.cluster.messages import PROTOCOL

BIN = Path(sys.executable).parent
PROFILE = """\
name: scale
target: {url: "http://127.0.0.1:9"}
users: {subscribers: {websocket: /ws, share: 1}, pollers: {share: 1, pace: {every: 1s}, requests: [{get: /a}]}}
load: [{ramp: 10000, over: 1s}, {hold: 1h}]
"""
SERIES = [
    ("subscribers", "websocket", "connect", "/ws"),
    ("subscribers", "websocket", "delivery", "/ws"),
    ("subscribers", "websocket", "intake", "/ws"),
    ("pollers", "rest", "connect", "connection"),
    ("pollers", "rest", "service", "GET /a"),
    ("pollers", "rest", "response", "GET /a"),
]
SAMPLES = 200


def a_record(chance: random.Random) -> dict[str, Any]:
    """What a busy worker sends each second, but for who and when."""
    series = []
    for key in SERIES:
        times = Histogram()
        for _ in range(SAMPLES):
            times.record(chance.lognormvariate(-5.5, 0.6))
        series.append(msgspec.to_builtins(Measured(*key, SAMPLES, 0, 0, times.to_wire())))
    return {
        "series": series,
        "counters": {"subscribers": {"messages": SAMPLES}, "pollers": {"requests": SAMPLES}},
        "errors": {},
        "gauges": {"subscribers": {"users": 50, "open": 50}, "pollers": {"users": 50}},
        "health": {"cpu": 0.4, "lag_max": 0.003, "descriptors": 120.0, "clock_error": 0.0002},
        "final": False,
    }


class Worker:
    """One simulated worker: its socket, its serial, and when it sent what."""

    def __init__(self, context: "zmq.Context[Any]", port: int, number: int, digests: dict[str, Any]) -> None:
        self.name = f"simulated_{number:04}"
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.IDENTITY, self.name.encode())
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(f"tcp://127.0.0.1:{port}")
        self.run: str | None = None
        self.began = 0.0
        self.serial = 0
        self.sent: dict[int, float] = {}
        self.beats = 0
        self.send("client_ready", version("locust"))
        self.send("loadtest.hello", {"protocol": PROTOCOL, "version": version("loadtest"), "digests": digests})

    def send(self, kind: str, data: Any) -> None:
        """Say something as Locust's workers do."""
        self.socket.send(msgpack.dumps((kind, data, self.name)))

    def hear(self, lags: list[float]) -> None:
        """Take what the master says; `lags` gets the seconds from a Record to its acknowledgement."""
        while self.socket.poll(0):
            kind, data, _ = msgpack.loads(self.socket.recv(), strict_map_key=False)
            if kind == "loadtest.begin" and self.run is None:
                self.run, self.began = data["run"], time.monotonic() - data["elapsed"]
            elif kind == "loadtest.ack":
                now = time.monotonic()
                lags.extend(now - self.sent.pop(serial) for serial in data["serials"] if serial in self.sent)
            elif kind == "spawn":
                self.send("spawning_complete", {"user_classes_count": data["user_classes_count"], "user_count": 100})

    def beat(self, record: dict[str, Any]) -> None:
        """What a worker sends each second."""
        state = "running" if self.run else "ready"
        self.send("heartbeat", {"state": state, "current_cpu_usage": 40, "current_memory_usage": 1})
        self.beats += 1
        if self.beats % 3 == 0:
            nothing = RequestStats()
            report = {"stats": [], "stats_total": nothing.total.get_stripped_report(), "errors": {}}
            self.send("stats", {**report, "user_classes_count": {}, "user_count": 100})
        if self.run is not None:
            second = int(time.monotonic() - self.began)
            who = {"run": self.run, "worker": self.name, "incarnation": 0, "serial": self.serial, "second": second}
            self.send("loadtest.records", [who | record])
            self.sent[self.serial] = time.monotonic()
            self.serial += 1


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> float:
    """Resident, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def timed(url: str) -> float:
    """Seconds until an answer was complete."""
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 - our own URL
        answer.read()
    return time.monotonic() - began


def at(values: list[float], share: float) -> float:
    """A percentile."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def measure(workers: int, seconds: float, port: int, folder: Path) -> str:
    """A line of the table."""
    (folder / "profiles").mkdir(parents=True)
    profile = folder / "profiles" / "scale.yaml"
    profile.write_text(PROFILE)
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("LOADTEST_", "LOCUST_"))}
    environ |= {"LOADTEST_PROFILE": str(profile), "LOADTEST_PROFILES": str(profile.parent)}
    environ |= {"LOADTEST_OUT": str(folder / "runs"), "LOADTEST_MASTER_PORT": str(port)}
    page = f"http://127.0.0.1:{port + 1}"
    command = [str(BIN / "loadtest"), "master", "--web-port", str(port + 1), "--autostart"]
    digests = {"scale": load_file(profile, {}).digests()}
    with (folder / "log").open("w") as log:
        master = subprocess.Popen(
            [*command, "--expect-workers", str(workers)], env=environ, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        context: zmq.Context[Any] = zmq.Context()
        context.set(zmq.MAX_SOCKETS, workers + 10)
        crowd = [Worker(context, port, number, digests) for number in range(workers)]
        return simulate(crowd, seconds, master.pid, page, folder)
    finally:
        master.kill()
        master.wait(20)
        context.destroy(linger=0)


def simulate(crowd: list[Worker], seconds: float, pid: int, page: str, folder: Path) -> str:
    """Let them run, first until all take part, then for `seconds` that count."""
    chance = random.Random(1)
    records = [a_record(chance) for _ in range(20)]
    lags: list[float] = []
    pages: list[float] = []
    begun = cpu = 0.0
    due = [(time.monotonic() + chance.random(), worker) for worker in crowd]
    deadline = time.monotonic() + 120 + seconds
    while time.monotonic() < deadline and not (begun and time.monotonic() > begun + seconds):
        moment = time.monotonic()
        for index, (when, worker) in enumerate(due):
            if when <= moment:
                worker.hear(lags)
                worker.beat(chance.choice(records))
                due[index] = (when + 1.0, worker)
        for worker in crowd:
            worker.hear(lags)
        if not begun and all(worker.serial > 2 for worker in crowd):  # noqa: PLR2004 - two whole seconds
            begun, cpu = time.monotonic(), cpu_of(pid)
            lags.clear()
        if begun and len(pages) < time.monotonic() - begun:
            pages.append(timed(f"{page}/api/v1/status"))
        time.sleep(0.005)
    if not begun:
        raise RuntimeError(f"not all of {len(crowd)} workers took part:\n{(folder / 'log').read_text()[-2000:]}")
    spent = cpu_of(pid) - cpu
    share = spent / (time.monotonic() - begun) * 100
    size = sum(path.stat().st_size for path in folder.glob("runs/*/records.journal"))
    each = size / max(sum(worker.serial for worker in crowd), 1) / 1000
    return (
        f"| {len(crowd):,} | {share:.0f} % | {spent / max(len(lags), 1) * 1000:.1f} ms | {memory_of(pid):.0f} MB |"
        f" {at(pages, 0.5) * 1000:.0f} / "
        f"{max(pages) * 1000:.0f} ms | {at(lags, 0.5):.2f} / {at(lags, 0.99):.2f} s | {each:.1f} kB |"
    )


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 500, 1000])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--port", type=int, default=15557)
    options = parser.parse_args()
    print(
        "| workers | CPU of one core | CPU a Record | memory | status p50 / max | acknowledged p50 / p99"
        " | journal a Record |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for workers in options.workers:
        with tempfile.TemporaryDirectory() as folder:
            print(measure(workers, options.seconds, options.port, Path(folder)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
