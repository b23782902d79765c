"""How many REST requests a second one core makes."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figures import Sample
from benchmarks.programs import Program, python

__all__ = ["WRK_MISSING", "requests"]

CONNECTIONS = 50
WRK_MISSING = "wrk is not installed: `make deps`, or `apt-get install wrk`"
RECORD_S = 1.5


def requests(bench: Bench, *, swap: bool) -> Iterator[Sample]:
    """We (plain, with a listener, with `client: full`), FastHttpUser and wrk, each as fast as it can."""
    rates: dict[str, float] = {}
    costs: dict[str, float] = {}
    names = ["worker", "fast_http", "wrk", "heard", "full"]
    for name in reversed(names) if swap else names:
        if name == "wrk":
            rates[name] = _wrk(bench)
        else:
            rates[name], costs[name] = _python(bench, name)
    yield Sample("rest-fasthttp", rates["worker"], rates["fast_http"])
    yield Sample("rest-heard", costs["heard"], costs["worker"])
    yield Sample("rest-full", costs["full"], costs["fast_http"])
    if rates["wrk"]:
        yield Sample("rest-wrk", rates["worker"], rates["wrk"])


def _python(bench: Bench, name: str) -> tuple[float, float]:
    """(requests a second, µs of CPU per request)."""
    with bench.target() as (target, port):
        group = {"worker": "poller"}.get(name, name)
        command = python(name, port) if name == "fast_http" else python("worker", group, port)
        with bench.client(command) as client:
            client.ask(f"connect {CONNECTIONS}")
            window = bench.measure(client, target)
            if name != "fast_http":
                _check(client, target)
            requests = window.counted["requests"]
            return requests / window.seconds, window.cpu / requests * 1e6


def _check(client: Program, target: Program) -> None:
    """None failed, and Records have all but the last second of what the target answered."""
    time.sleep(RECORD_S)
    answered = target.ask("stats")["requests"]
    time.sleep(RECORD_S)
    report = client.ask("report")
    if report["errors"] or report["counters"]["requests"] < answered:
        raise RuntimeError(f"{answered} requests were answered, but counted: {report}")


def _wrk(bench: Bench) -> float:
    wrk = shutil.which("wrk")
    if wrk is None:
        return 0.0
    with bench.target() as (_, port):
        options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(bench.seconds))}"]
        command = ["taskset", "--cpu-list", str(bench.client_core), wrk, *options, f"http://127.0.0.1:{port}/quotes"]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"Requests/sec:\s*([\d.]+)", printed)
    if found is None:
        raise RuntimeError(f"wrk says no rate:\n{printed}")
    return float(found[1])
