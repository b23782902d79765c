"""A point of the timeline: one row, in the order of COLUMNS (docs/api.md). None stands where nothing was timed."""

from typing import NamedTuple

from loadtest.histogram import Histogram
from loadtest.monitor.span import MEASURES, OF_A_GROUP, Span

__all__ = ["COLUMNS", "Point", "ms", "point_of"]


class Point(NamedTuple):
    """What `seconds` seconds from `second` on were like; rates are per second, states the highest of them."""

    second: int
    seconds: int
    phase: str
    users: int
    open: int
    messages_per_s: float
    requests_per_s: float
    errors_per_s: float
    stream_p50_ms: float | None
    stream_p95_ms: float | None
    stream_p99_ms: float | None
    response_p50_ms: float | None
    response_p95_ms: float | None
    response_p99_ms: float | None
    skew_p95_ms: float | None
    freshness_p95_ms: float | None
    completeness: float | None
    cpu: float
    lag_ms: float
    excluded: int
    groups: dict[str, list[float | None]]
    """group -> [messages or requests a second, p50, p99]"""


COLUMNS = Point._fields


def ms(seconds: float | None) -> float | None:
    """Milliseconds to five places, as in `summary.json`."""
    return None if seconds is None else round(seconds * 1000, 5)


def point_of(span: Span) -> Point:
    """A span as a point. Seconds of which there is nothing count as nothing, not as missing."""
    stream = next((times for name in MEASURES if (times := span.histogram(None, name)).count), Histogram())
    response = span.histogram("rest", "response")
    expected = span.counted(None, "expected_deliveries")
    return Point(
        second=span.first,
        seconds=span.seconds,
        phase=span.phase,
        users=span.users,
        open=span.open,
        messages_per_s=span.rate(None, "messages"),
        requests_per_s=span.rate(None, "requests"),
        errors_per_s=round(span.errors / span.seconds, 2) if span.seconds else 0.0,
        stream_p50_ms=ms(stream.percentile(50)),
        stream_p95_ms=ms(stream.percentile(95)),
        stream_p99_ms=ms(stream.percentile(99)),
        response_p50_ms=ms(response.percentile(50)),
        response_p95_ms=ms(response.percentile(95)),
        response_p99_ms=ms(response.percentile(99)),
        skew_p95_ms=ms(span.histogram(None, "skew").percentile(95)),
        freshness_p95_ms=ms(span.histogram(None, "freshness").percentile(95)),
        completeness=round(span.counted(None, "counted_deliveries") / expected, 6) if expected else None,
        cpu=round(span.cpu, 3),
        lag_ms=ms(span.lag) or 0.0,
        excluded=span.excluded,
        groups={group: _group(span, group, kind) for group, kind in span.kinds.items()},
    )


def _group(span: Span, group: str, kind: str) -> list[float | None]:
    measures, counter = (OF_A_GROUP, "messages") if kind == "websocket" else (("response",), "requests")
    times = next((times for name in measures if (times := span.histogram(group, name)).count), Histogram())
    return [span.rate(group, counter), ms(times.percentile(50)), ms(times.percentile(99))]
