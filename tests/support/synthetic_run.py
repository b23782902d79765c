"""A run made up of Records, second by second, without any cluster: for reports and comparisons of any length."""

import random
from collections.abc import Callable, Iterator

from loadtest.histogram import Histogram
from loadtest.report import RunFacts
from loadtest.report.facts import PhaseSpan
from loadtest.results import Measured, Record, Summary
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict

__all__ = ["facts_of", "synthetic_records", "synthetic_run"]

USERS = 300


def phase_at(length: int) -> Callable[[float], str]:
    """A tenth of the run is ramp-up, a tenth ramp-down."""
    return lambda t: "ramp-up" if t < length / 10 else "plateau" if t < length * 0.9 else "ramp-down"


def synthetic_run(
    length: int, workers: int = 2, *, seed: int = 1, slower: float = 1.0, name: str = "/ws/market", samples: int = 20
) -> Summary:
    """`length` seconds of deliveries (5 ms in the middle, times `slower`), requests, some errors, and health."""
    summary = Summary("r1")
    for record in synthetic_records(
        length, workers, seed=seed, slower=slower, name=name, samples=samples, into=summary
    ):
        summary.add(record)
    return summary


def synthetic_records(
    length: int, workers: int, *, into: Summary, seed: int, slower: float, name: str, samples: int
) -> Iterator[Record]:
    """The Records of such a run, which `into` is told the plan of."""
    draw = random.Random(seed)
    into.follow(phase_at(length), float(length))  # type: ignore[arg-type]
    level = 0.0
    for second in range(length):
        level = 0.7 * level + draw.gauss(0, 0.05)  # a second resembles the one before
        for worker in range(workers):
            made = _series(draw, 0.005 * slower * (1 + level), name, samples)
            yield _record(draw, second, (worker, workers), length, made)


def _series(draw: random.Random, middle: float, name: str, samples: int) -> list[Measured]:
    delivery, response = _times(draw, samples, middle), _times(draw, samples, middle * 2)
    return [
        Measured("subscribers", "websocket", "delivery", name, samples, 0, 900, delivery),
        Measured("pollers", "rest", "response", "GET /a", samples, 0, 900, response),
    ]


def _record(
    draw: random.Random, second: int, worker_of: tuple[int, int], length: int, series: list[Measured]
) -> Record:
    worker, workers = worker_of
    share = min(1.0, (second + 1) / (length / 10), (length - second) / (length / 10))
    users = round(USERS * share / workers)
    ended = second == length - 1
    counters = {
        "subscribers": {
            **({"connects": users + 1, "connected": users, "connects_failed": 1} if second == 0 else {}),
            **({"closed_by_us": round(USERS / (length / 10) / workers) or 1} if ended else {}),
            "messages": round(1000 * share / workers),
            "expected_deliveries": 1000,
            "counted_deliveries": 1000 if second % 97 else 990,
        },
        "pollers": {"requests": round(400 * share / workers)},
    }
    errors = {"pollers": {"request: timeout": 1 + second % 3}} if second % 60 < 4 else {}
    gauges = {"subscribers": {"users": users, "open": users}, "pollers": {"users": users // 2}}
    cpu = 0.2 + 0.3 * share + 0.02 * draw.random()
    health = {"cpu": cpu, "lag_max": 0.001 + 0.004 * draw.random(), "clock_error": 0.0004, "descriptors": 40.0}
    base = (f"vm_{worker:032x}", 0, second, second)
    return Record("r1", *base, series, counters, errors, gauges, health, final=ended)


def _times(draw: random.Random, samples: int, middle: float) -> list[object]:
    times = Histogram()
    for _ in range(samples):
        times.record(max(middle, 1e-5) * draw.lognormvariate(0, 0.5))
    return times.to_wire()


def facts_of(summary: Summary, length: int, profile: str = "market-open-burst") -> RunFacts:
    """What is said of it: two SLOs held, one breached, one warned."""
    return RunFacts(
        run_id="20260102T030405Z-market-open-burst-cb13",
        profile=profile,
        targets=("http://127.0.0.1:8000",),
        started_at="2026-01-02T03:04:05.000+00:00",
        duration_s=float(length),
        verdict=RunVerdict("fail", "1 of 3 SLOs breached: rest response p95 < 20ms for 10s"),
        slos=(
            Verdict("websocket delivery p99 < 100ms", 14.2, 0.4, "pass", 120_000, "ms", 100.0),
            Verdict("rest response p95 < 20ms for 10s", 27.3, 0.0, "fail", 400, "ms", 20.0, where="41s–51s"),
            Verdict("errors < 1%", 0.02, 0.0, "pass", 98_000, "%", 1.0),
            Verdict("completeness >= 99.99% warn", 99.98, 0.0, "fail", 98_000, "%", 99.99, action="warn"),
        ),
        workers=tuple(summary.workers),
        seed=7,
        versions=(("loadtest", "0.1.0"), ("locust", "2.47.0"), ("python", "3.11.7"), ("charts", "dygraphs 2.2.1")),
        phases=(
            PhaseSpan("ramp-up", 0, length / 10),
            PhaseSpan("plateau", length / 10, length * 0.9),
            PhaseSpan("ramp-down", length * 0.9, length),
        ),
    )
