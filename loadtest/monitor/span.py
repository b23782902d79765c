"""Some seconds of a run, summed: what a point of the charts, or a rate of now, is made of."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from loadtest.histogram import Histogram
from loadtest.results import Summary

__all__ = ["MEASURES", "OF_A_GROUP", "Span"]

MEASURES = ("delivery", "ping", "gap")
"""What says how a stream does; the first that has samples is shown."""
OF_A_GROUP = (*MEASURES, "behind", "backlog")
"""The same of one group: those that read slowly have none of the others, and are in no figure of all streams."""
TIMED = (*OF_A_GROUP, "response", "freshness", "skew")


class Span:
    """Seconds from `first` on; `seconds` is how many. Of states (users, open, CPU, lag) the highest is kept."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.seconds = 0
        self.phase = ""
        self.users = 0
        self.open = 0
        self.errors = 0
        self.cpu = 0.0
        self.lag = 0.0
        self.excluded = 0
        self.counters: dict[str, Counter[str]] = defaultdict(Counter)
        self.times: dict[tuple[str, str], Histogram] = {}
        self.kinds: dict[str, str] = {}

    @classmethod
    def of(cls, summary: Summary, number: int) -> "Span":
        """One run second."""
        second = summary.timeline[number]
        part = second.totals
        span = cls(number)
        span.seconds = 1
        span.excluded = len(summary.exclusions.workers(number))
        span.phase = second.phase
        span.users, span.open = second.gauge("users"), second.gauge("open")
        span.errors = sum(errors.total() for errors in part.errors.values())
        healths = second.health.values()
        span.cpu = max((health.get("cpu", 0.0) for health in healths), default=0.0)
        span.lag = max((health.get("lag_max", 0.0) for health in healths), default=0.0)
        span.kinds = dict(part.kinds)
        for group, counts in part.counters.items():
            span.counters[group].update(counts)
        for key, series in part.series.items():
            if key.measure in TIMED and series.histogram.count:
                span.times.setdefault((key.group, key.measure), Histogram()).merge(series.histogram)
        return span

    @classmethod
    def sum(cls, spans: Iterable["Span"]) -> "Span":
        """Several, one after the other; the phase is the first one's. An empty one for none."""
        total: Span | None = None
        for span in spans:
            total = total or cls(span.first)
            total.add(span)
        return total or cls(0)

    def add(self, other: "Span") -> None:
        """Add what comes after it."""
        self.seconds += other.seconds
        self.phase = self.phase or other.phase
        self.users, self.open = max(self.users, other.users), max(self.open, other.open)
        self.cpu, self.lag = max(self.cpu, other.cpu), max(self.lag, other.lag)
        self.errors += other.errors
        self.excluded += other.excluded
        self.kinds |= other.kinds
        for group, counts in other.counters.items():
            self.counters[group].update(counts)
        for key, times in other.times.items():
            self.times.setdefault(key, Histogram()).merge(times)

    def counted(self, scope: str | None, counter: str) -> int:
        """How many, in a group, a kind, or (None) everywhere."""
        return sum(counts[counter] for group, counts in self.counters.items() if self._within(group, scope))

    def rate(self, scope: str | None, counter: str) -> float:
        """How many a second."""
        return round(self.counted(scope, counter) / self.seconds, 2) if self.seconds else 0.0

    def histogram(self, scope: str | None, measure: str) -> Histogram:
        """The times of a measure, in a group, a kind, or (None) everywhere."""
        merged = Histogram()
        for (group, its), times in self.times.items():
            if its == measure and self._within(group, scope):
                merged.merge(times)
        return merged

    def _within(self, group: str, scope: str | None) -> bool:
        return scope is None or scope in (group, self.kinds.get(group))
