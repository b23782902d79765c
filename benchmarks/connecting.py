"""What a connect costs, and what a connected subscriber keeps in memory."""

import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figures import Sample
from benchmarks.programs import Program, python

__all__ = ["connects", "memory"]

WARM_UP = 200
CONNECTS = 5000
SUBSCRIBERS = 10_000
IDLE_S = 7.0
"""Long enough for the first pings: an idle subscriber without send times is pinged every 5 s."""


def connects(bench: Bench, *, swap: bool) -> Iterator[Sample]:
    """TCP and the upgrade, 64 at a time, counted and timed as a user's are."""
    cost: dict[str, float] = {}
    for name in ("reference", "worker") if swap else ("worker", "reference"):
        with bench.target() as (_, port):
            command = python("worker", "subscriber", port)
            with bench.client(command) if name == "worker" else bench.reference(port) as client:
                cost[name] = _cost(client, "subscribe" if name == "worker" else "connect")
    yield Sample("connect", cost["worker"], cost["reference"])


def _cost(client: Program, verb: str) -> float:
    client.ask(f"{verb} {WARM_UP}")
    before = client.cpu
    client.ask(f"{verb} {CONNECTS}")
    return (client.cpu - before) / CONNECTS * 1e6


def memory(bench: Bench, *, swap: bool) -> Iterator[Sample]:  # noqa: ARG001 - there is nothing to swap
    """Resident bytes of 10,000 users, their greenlets and connections, each pinged and answered.

    And for how long the garbage collector stopped them at most, against a look at all that is there then.
    """
    with bench.target() as (target, port), bench.client(python("worker", "idler", port)) as client:
        client.ask("connect 10")
        time.sleep(1.0)
        before = client.rss
        client.ask(f"connect {SUBSCRIBERS}")
        time.sleep(IDLE_S)
        if target.ask("stats")["pings"] < SUBSCRIBERS:
            raise RuntimeError("not every subscriber was pinged")
        yield Sample("memory", (client.rss - before) / SUBSCRIBERS / 1024)
        pauses = client.ask("pauses")
        yield Sample("collector", pauses["longest"] * 1000, pauses["full"] * 1000)
