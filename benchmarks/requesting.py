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
    """We, FastHttpUser and wrk, each as fast as it can."""
    rates: dict[str, float] = {}
    names = ["worker", "fast_http", "wrk"]
    for name in reversed(names) if swap else names:
        rates[name] = _wrk(bench) if name == "wrk" else _python(bench, name)
    yield Sample("rest-fasthttp", rates["worker"], rates["fast_http"])
    if rates["wrk"]:
        yield Sample("rest-wrk", rates["worker"], rates["wrk"])


def _python(bench: Bench, name: str) -> float:
    with bench.target() as (target, port):
        arguments = ("poller", port) if name == "worker" else (port,)
        with bench.client(python(name, *arguments)) as client:
            client.ask(f"connect {CONNECTIONS}")
            window = bench.measure(client, target)
            if name == "worker":
                _check(client, target)
            return window.counted["requests"] / window.seconds


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
