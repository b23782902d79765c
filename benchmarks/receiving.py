"""What a received message costs, and how many a second one worker takes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.bench import Bench
from benchmarks.figures import Sample
from benchmarks.programs import Program, python

__all__ = ["large", "small", "unlike"]

CONNECTIONS = 1000
RATE = 10
"""Broadcasts a second."""
LAG_P99_S = 0.020
STEP = 5
"""The search for the most that a worker takes raises the rate by so many broadcasts a second."""
FIRST_STEP = 30
LAST_STEP = 200
TAKEN = 0.99
"""The part of what the target should have sent that must have gone out: a worker that can't keep up makes it skip."""
CATCH_UP_S = 15.0
"""So long a client may take for what it hasn't read yet when the target stops."""
RECORD_S = 1.5
"""After this long everything received is in a Record."""


def small(bench: Bench, *, swap: bool) -> Iterator[Sample]:
    """200 B to 1,000 connections: we, the C reference, what Python can't go below, websocket-client; our most."""
    ours, reference = _both(bench, f"send {RATE} 200 same", swap=swap)
    yield Sample("message-200", ours, reference)
    with _connected(bench, "bare_reader") as (client, target):
        yield Sample("message-floor", _cost(bench, client, target, f"send {RATE} 200 same"), reference)
    with _connected(bench, "websocket_client") as (client, target):
        yield Sample("message-websocket-client", ours, _cost(bench, client, target, f"send {RATE} 200 same"))
    with _connected(bench, "worker") as (client, target):
        yield Sample("capacity", _capacity(bench, client, target), 1e6 / reference)


def large(bench: Bench, *, swap: bool) -> Iterator[Sample]:
    """20 KB, the same to all."""
    yield Sample("message-20k", *_both(bench, f"send {RATE} 20000 same", swap=swap))


def unlike(bench: Bench, *, swap: bool) -> Iterator[Sample]:
    """2 KB, no two payloads the same, each with its own send time."""
    yield Sample("message-2k-distinct", *_both(bench, f"send {RATE} 2000 distinct", swap=swap))


def _both(bench: Bench, load: str, *, swap: bool) -> tuple[float, float]:
    """Microseconds per message of ours and of the reference, one after the other."""
    cost: dict[str, float] = {}
    for name in ("reference", "worker") if swap else ("worker", "reference"):
        with _connected(bench, name) as (client, target):
            cost[name] = _cost(bench, client, target, load)
    return cost["worker"], cost["reference"]


@contextmanager
def _connected(bench: Bench, name: str) -> Iterator[tuple[Program, Program]]:
    with bench.target() as (target, port):
        commands = {
            "worker": python("worker", "subscriber", port),
            "websocket_client": python("websocket_client", port),
            "bare_reader": python("bare_reader", port),
        }
        with bench.client(commands[name]) if name in commands else bench.reference(port) as client:
            client.ask(f"connect {CONNECTIONS}")
            yield client, target


def _cost(bench: Bench, client: Program, target: Program, load: str) -> float:
    """Microseconds on the core for each message; everything that was sent must have been counted."""
    target.ask(load)
    window = bench.measure(client, target)
    target.ask("send 0 0 same")
    time.sleep(RECORD_S)
    deadline = time.monotonic() + CATCH_UP_S
    while True:
        report = client.ask("report")
        counted = report["counters"]["messages"] if "counters" in report else report["messages"]
        sent = target.ask("stats")["sent"]
        if counted == sent or time.monotonic() > deadline:
            break
        time.sleep(RECORD_S)
    if counted != sent:
        raise RuntimeError(f"{sent} messages were sent, but {counted} counted: {report}")
    return window.cpu / window.counted["sent"] * 1e6


def _capacity(bench: Bench, client: Program, target: Program) -> float:
    """The most messages a second with the hub's lag still within bounds and nothing skipped."""
    most = 0.0
    for rate in range(FIRST_STEP, LAST_STEP + 1, STEP):
        target.ask(f"send {rate} 200 same")
        time.sleep(0.3)
        client.ask("lag")
        window = bench.measure(client, target)
        lag = client.ask("lag")["p99"]
        kept_up = window.counted["sent"] >= TAKEN * rate * CONNECTIONS * window.seconds
        if lag is None or lag > LAG_P99_S or not kept_up:
            break
        most = window.counted["sent"] / window.seconds
    return most
