"""A small run with a bit of everything, for tests of what formats runs: 100 deliveries, a refused connect, errors."""

import msgspec

from loadtest.histogram import Histogram
from loadtest.report import RunFacts
from loadtest.results import Measured, Record, Summary
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict


def measured(kind: str, measure: str, name: str, *seconds: float, failures: int = 0) -> Measured:
    """A series of these times."""
    times = Histogram()
    for value in seconds:
        times.record(value)
    group = "subscribers" if kind == "websocket" else "pollers"
    wire = times.to_wire() if seconds else None
    return Measured(group, kind, measure, name, len(seconds) + failures, failures, 0, wire)


def sample_summary() -> Summary:
    """Three workers, of which the second saw nothing and the third was lost."""
    series = [
        measured("websocket", "connect", "/ws/market", 0.002, failures=1),
        measured("websocket", "delivery", "/ws/market", *[0.001 * n for n in range(1, 101)]),
        measured("rest", "response", "GET /a", failures=2),
    ]
    counters = {
        "subscribers": {"connects": 2, "connected": 1, "connects_failed": 1, "closed_by_us": 1, "messages": 100},
        "pollers": {"requests": 2, "requests_failed": 2},
    }
    errors = {"subscribers": {"connect: HTTP 403": 1}, "pollers": {"request: timeout": 2}}
    gauges = {"subscribers": {"users": 2, "open": 1}}
    base = Record("r1", "w1", 0, 0, 0, series, counters, errors, gauges, {"cpu": 0.25}, final=True)
    summary = Summary("r1")
    summary.add(base)
    summary.add(msgspec.structs.replace(base, worker="w2", series=[], counters={}, errors={}))
    summary.lives.lose("w3", 0, 7.0)
    return summary


FACTS = RunFacts(
    run_id="r1",
    profile="smoke",
    targets=("http://127.0.0.1:8000",),
    started_at="2026-01-02T03:04:05.000+00:00",
    duration_s=125.0,
    verdict=RunVerdict("fail", "1 of 1 SLOs breached: errors < 1%"),
    slos=(Verdict("errors < 1%", 100.0, 0.0, "fail", 2, "%"),),
    workers=("w1", "w2"),
    missing=("w2",),
)
