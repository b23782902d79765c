"""What became of those who read slowly, and of the others meanwhile: read from a Summary, which counts it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from statistics import mean

from loadtest.histogram import Histogram
from loadtest.results.summary import Summary
from loadtest.results.timeline import Second
from loadtest.results.totals import UNREAD

__all__ = ["Closes", "Compared", "SlowGroup", "compared", "slow_groups"]


LEAST_QUARTER = 3
"""Seconds of which the least is one."""


@dataclass(frozen=True, slots=True)
class Closes:
    """Connections that ended alike without our wish."""

    name: str
    count: int
    median_s: float | None
    """From their connect to when the kernel knew."""


@dataclass(slots=True)
class SlowGroup:
    """One group with `read`."""

    group: str
    subscribers: int = 0
    """The most that were open at the end of a second."""
    behind: Histogram = field(default_factory=Histogram)
    """How old messages were when they were taken; by ping, how long the line was."""
    by_ping: bool = False
    at_the_end_s: float | None = None
    """The median of `behind` in the last second that has any."""
    taken: int = 0
    lost: int | None = None
    """None: messages bring no sequence numbers, so that nobody knows."""
    unread: int = 0
    """The most bytes that waited in the workers' kernels at the end of a second."""
    closes: tuple[Closes, ...] = ()
    track: list[tuple[int, float]] = field(default_factory=list)
    """(run second, the median of `behind` in it) for each that has any."""

    @property
    def growth(self) -> float | None:
        """By how many seconds it fell further behind in each second at the end; None: too short to tell.

        The least of the last quarter of its seconds against the least of the quarter before: a reader that pauses is
        behind again and again, but catches up in between unless the server keeps more and more for it.
        """
        quarter = len(self.track) // 4
        if quarter < LEAST_QUARTER:
            return None
        before, last = self.track[-2 * quarter : -quarter], self.track[-quarter:]
        apart = mean(second for second, _ in last) - mean(second for second, _ in before)
        return (min(value for _, value in last) - min(value for _, value in before)) / apart


@dataclass(slots=True)
class Compared:
    """The delivery latency of the groups at full speed, in seconds in which as many of them as ever were open."""

    behind: Histogram = field(default_factory=Histogram)
    """While a slow consumer was behind."""
    behind_s: int = 0
    without: Histogram = field(default_factory=Histogram)
    """While there was none."""
    without_s: int = 0


def slow_groups(summary: Summary) -> list[SlowGroup]:
    """Every group with `read`, by name."""
    found = {group: _sums(group, summary) for group in sorted(summary.slow)}
    for second in summary.timeline.whole if found else ():
        for group, slow in found.items():
            gauges: Mapping[str, int] = second.gauges.get(group, {})
            slow.subscribers = max(slow.subscribers, gauges.get("open", 0))
            slow.unread = max(slow.unread, gauges.get(UNREAD, 0))
            median = second.totals.histogram(group, _measure(slow)).percentile(50)
            if median is not None:
                slow.at_the_end_s = median
                slow.track.append((second.second, median))
    return list(found.values())


def _measure(slow: SlowGroup) -> str:
    return "backlog" if slow.by_ping else "behind"


def _sums(group: str, summary: Summary) -> SlowGroup:
    slow = SlowGroup(group, taken=summary.counted(group, "messages"))
    slow.by_ping = not summary.histogram(group, "behind").count
    slow.behind = summary.histogram(group, _measure(slow))
    if summary.counted(group, "sequenced"):
        slow.lost = summary.counted(group, "lost")
    ends = [(key.name, series) for key, series in summary.series.items() if key[:3] == (group, "websocket", CLOSED)]
    slow.closes = tuple(Closes(name, its.count, its.histogram.percentile(50)) for name, its in sorted(ends))
    return slow


CLOSED = "closed_after"


def compared(summary: Summary) -> Compared | None:
    """The others' latency with and without slow consumers; None: there are none, or no others with a send time.

    A second in which a slow consumer is open and none is behind is in neither.
    """
    if not summary.slow or not summary.at_full_speed.histogram("websocket", "delivery").count:
        return None
    found = Compared()
    most = max((_fast(second, summary) for second in summary.timeline.whole), default=0)
    for second, their_open, behind in _full(summary, most):
        times = second.totals.at_full_speed.histogram("websocket", "delivery")
        if behind:
            found.behind.merge(times)
            found.behind_s += 1
        elif not their_open:
            found.without.merge(times)
            found.without_s += 1
    return found


def _full(summary: Summary, most: int) -> Iterator[tuple[Second, int, int]]:
    """(second, slow consumers that are open, those that are behind) where all others are there."""
    for second in summary.timeline.whole:
        if _fast(second, summary) == most:
            slow = [second.gauges[group] for group in summary.slow if group in second.gauges]
            yield second, sum(gauges["open"] for gauges in slow), sum(gauges["behind"] for gauges in slow)


def _fast(second: Second, summary: Summary) -> int:
    return sum(gauges["open"] for group, gauges in second.gauges.items() if group not in summary.slow)
