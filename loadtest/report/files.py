"""The files of a run that are made from its Summary, each as a name and a text. Writing them is another's."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from math import ceil

from loadtest import hdrlog
from loadtest.histogram import Histogram
from loadtest.report.console import to_text
from loadtest.report.document import to_json
from loadtest.report.facts import RunFacts
from loadtest.report.junit import to_junit
from loadtest.report.locust_history import to_history_csv
from loadtest.report.page.html import to_html
from loadtest.report.rows import rows_of, to_csv
from loadtest.results import SeriesKey, Summary

__all__ = ["INTERVALS", "SUMMARY", "files_of", "summary_text"]

SUMMARY = "summary.json"

INTERVALS = 600
"""Intervals of a histogram log at most: each has a line for every series."""


def summary_text(facts: RunFacts, summary: Summary) -> str:
    """The text of `summary.json`."""
    return json.dumps(to_json(facts, summary), indent=2, ensure_ascii=False) + "\n"


def files_of(facts: RunFacts, summary: Summary, profile: str | None) -> Iterator[tuple[str, Callable[[], str]]]:
    """(name, what makes its text) of every file; those that matter most come first. `profile` is the resolved one."""
    yield SUMMARY, lambda: summary_text(facts, summary)
    yield "summary.txt", lambda: to_text(facts, summary)
    yield "junit.xml", lambda: to_junit(facts)
    rows = rows_of(summary)
    yield "timeline.csv", lambda: to_csv(rows)
    yield "locust_stats_history.csv", lambda: to_history_csv(facts, summary)
    yield "report.html", lambda: to_html(facts, summary, rows, profile)
    yield "histograms.hlog", lambda: "".join(f"{line}\n" for line in _hdr_log(facts, summary))


def _hdr_log(facts: RunFacts, summary: Summary) -> Iterator[str]:
    step = max(1, ceil(len(summary.seconds) / INTERVALS))
    started = datetime.fromisoformat(facts.started_at).timestamp() if facts.started_at else 0.0
    return hdrlog.log(started, _intervals(summary, step))


def _intervals(summary: Summary, step: int) -> Iterator[tuple[float, float, str, Histogram]]:
    """(start, length, tag, times) of every series in every `step` seconds of the run."""
    interval: dict[SeriesKey, Histogram] = {}
    start = None
    for second in summary.timeline.whole:
        start = second.second if start is None else start
        for key, series in second.totals.series.items():
            interval.setdefault(key, Histogram()).merge(series.histogram)
        if second.second + 1 - start == step:
            yield from _lines(start, step, interval)
            start, interval = None, {}
    if start is not None:
        yield from _lines(start, second.second + 1 - start, interval)


def _lines(
    start: int, length: int, interval: dict[SeriesKey, Histogram]
) -> Iterator[tuple[float, float, str, Histogram]]:
    for key, times in sorted(interval.items()):
        yield float(start), float(length), f"{key.group}/{key.measure}/{key.name}", times
