"""Runs with slow consumers beside fast ones, made of figures that are given second by second."""

from typing import Any

import msgspec

from loadtest.histogram import Histogram
from loadtest.results import Measured, Record, Summary

__all__ = ["RUN", "record", "run_of", "series"]


def record(serial: int = 0, **rest: Any) -> Record:
    base = Record("r1", "w1", 0, serial, serial, [], {}, {}, {}, {})
    return msgspec.structs.replace(base, **rest)


def times_of(*seconds: float) -> list[Any]:
    histogram = Histogram()
    for value in seconds:
        histogram.record(value)
    return histogram.to_wire()


def series(group: str, measure: str, *seconds: float, name: str = "/ws") -> Measured:
    return Measured(group, "websocket", measure, name, len(seconds), 0, 0, times_of(*seconds))


def run_of(*seconds: tuple[int, int, int, float, tuple[float, ...]]) -> Summary:
    """Each second: (fast open, slow open, slow behind, the fast ones' delivery, what the slow ones were behind)."""
    summary = Summary("r1")
    for i, (fast, slow, behind, delivery, late) in enumerate(seconds):
        gauges = {
            "fast": {"users": fast, "open": fast},
            "slow": {"users": slow, "open": slow, "unread": 1000 * behind, "behind": behind},
        }
        found = [series("fast", "delivery", delivery), *([series("slow", "behind", *late)] if late else [])]
        counters = {"slow": {"messages": len(late), "lost": i, "sequenced": len(late)}}
        summary.add(record(serial=i, series=found, gauges=gauges, counters=counters))
    return summary


RUN = (
    (1, 0, 0, 9.0, ()),  # the others are still coming
    (2, 0, 0, 0.010, ()),
    (2, 0, 0, 0.020, ()),
    (2, 3, 0, 9.0, (0.5,)),  # open, and not behind yet
    (2, 3, 2, 0.040, (2.0, 2.0)),
    (2, 3, 3, 0.050, (4.0, 4.0, 4.0)),
    (2, 2, 1, 0.060, ()),  # it paused
    (1, 2, 1, 9.0, (3.0,)),  # the others leave
)
