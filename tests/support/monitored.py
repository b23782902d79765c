"""A run of one worker, second by second, for tests of what is shown of it."""

from collections.abc import Mapping, Sequence

from loadtest.histogram import Histogram
from loadtest.results import Measured, Record, Summary


def measured(
    group: str, measure: str, times: Sequence[float], *, kind: str = "websocket", failures: int = 0
) -> Measured:
    """A series named /x with these times (s)."""
    histogram = Histogram()
    for time in times:
        histogram.record(time)
    wire = histogram.to_wire() if times else None
    return Measured(group, kind, measure, "/x", len(times) + failures, failures, 0, wire)


def record(
    second: int,
    *series: Measured,
    worker: str = "w1",
    counters: Mapping[str, Mapping[str, int]] | None = None,
    errors: Mapping[str, Mapping[str, int]] | None = None,
    gauges: Mapping[str, Mapping[str, int]] | None = None,
    health: Mapping[str, float] | None = None,
    endings: Mapping[str, Mapping[str, int]] | None = None,
) -> Record:
    """What a worker saw in a second."""
    causes = {group: dict(names) for group, names in (endings or {}).items()}
    plain = [{group: dict(names) for group, names in (given or {}).items()} for given in (counters, errors, gauges)]
    return Record("r1", worker, 0, second, second, list(series), *plain, dict(health or {}), endings=causes)


def summed(*records: Record) -> Summary:
    """Their sum."""
    summary = Summary("r1")
    for each in records:
        assert summary.add(each)
    return summary
