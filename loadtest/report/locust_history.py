"""A run second by second in the columns of Locust's `stats_history.csv`, for the tools that read those."""

import csv
import io
from datetime import datetime

from loadtest.histogram import Histogram
from loadtest.report.facts import RunFacts
from loadtest.results import Second, Summary

__all__ = ["COLUMNS", "MEASURES", "PERCENTILES", "to_history_csv"]

PERCENTILES = ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%")
"""Locust's PERCENTILES_TO_REPORT."""
COLUMNS = (
    *("Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s"),
    *PERCENTILES,
    *("Total Request Count", "Total Failure Count", "Total Median Response Time", "Total Average Response Time"),
    *("Total Min Response Time", "Total Max Response Time", "Total Average Content Size"),
)
MEASURES = {"websocket": ("connect", "delivery"), "rest": ("response",)}
"""What of each kind enters Locust's tables: gaps and pings would spoil "Aggregated"."""


def to_history_csv(facts: RunFacts, summary: Summary) -> str:
    """A row for each second (Unix time of its end), "Aggregated" as Locust's: rates of the second, the rest so far.

    Messages without a send time count, and have no time. Times in ms.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    started = datetime.fromisoformat(facts.started_at).timestamp() if facts.started_at else 0.0
    so_far = _SoFar()
    for second in summary.timeline.whole:
        count, failures = so_far.add(second)
        states = (int(started) + second.second + 1, second.gauge("users"), "", "Aggregated")
        writer.writerow((*states, f"{count:.6f}", f"{failures:.6f}", *so_far.cells()))
    return text.getvalue()


class _SoFar:
    """What happened from the first second on."""

    def __init__(self) -> None:
        self.count = self.failures = self.size = 0
        self.times = Histogram()

    def add(self, second: Second) -> tuple[int, int]:
        """Take a second in; returns how many there were in it, and how many of those failed."""
        totals, timed, count, failures = second.totals, 0, 0, 0
        for key, series in totals.series.items():
            if key.measure in MEASURES.get(key.kind, ()):
                count += series.count
                failures += series.failures
                timed += series.count if key.measure == "delivery" else 0
                self.size += series.size
                self.times.merge(series.histogram)
        count += max(0, totals.counted("websocket", "messages") - timed)
        self.count += count
        self.failures += failures
        return count, failures

    def cells(self) -> tuple[str, ...]:
        times = [_ms(self.times.percentile(float(name[:-1]))) for name in PERCENTILES]
        means = (self.times.percentile(50), self.times.mean, self.times.min, self.times.max)
        size = self.size / self.count if self.count else 0
        return (*times, str(self.count), str(self.failures), *map(_ms, means), f"{size:.6g}")


def _ms(seconds: float | None) -> str:
    return "N/A" if seconds is None else f"{seconds * 1000:.6g}"
