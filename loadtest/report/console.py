"""Summary and verdicts as text for a console: the verdict first, and all of it on one screen."""

from collections.abc import Iterator

from loadtest.report.broadcasts import broadcast_lines
from loadtest.report.connections import missed_lines
from loadtest.report.facts import RunFacts, duration_text
from loadtest.report.hints import hints
from loadtest.report.reconnects import connection_lines, jitter_lines
from loadtest.report.slow_consumers import slow_consumer_lines
from loadtest.report.worker_table import worker_lines
from loadtest.results import SeriesKey, Summary
from loadtest.results.totals import Series

__all__ = ["to_text"]

ERRORS_SHOWN = 5
SERIES_SHOWN = 11
HINTS_SHOWN = 4
LOSSES_SHOWN = 4
MEASURES = ("delivery", "behind", "response", "freshness", "skew", "reconnect", "ping", "gap", "connect", "service")
"""What is shown first where there are more series than fit."""


def to_text(facts: RunFacts, summary: Summary) -> str:
    """The result for a console: the verdict first, then SLOs, figures, errors; one screen."""
    return "\n".join(_lines(facts, summary)) + "\n"


def _lines(facts: RunFacts, summary: Summary) -> Iterator[str]:
    yield ""
    yield f"  {facts.verdict}"
    yield ""
    took = duration_text(facts.duration_s)
    what = facts.profile or "locustfile"
    yield f"  {what} · {summary.peak_users:,} users on {len(facts.workers)} worker(s) · {took} · run {facts.run_id}"
    if facts.slos:
        yield ""
        yield from (f"  {verdict}" for verdict in facts.slos)
    yield ""
    yield from _table(summary)
    yield from _ledger_lines(summary)
    yield from (*connection_lines(summary), *jitter_lines(summary))
    yield from broadcast_lines(summary)
    yield from missed_lines(summary)
    yield from slow_consumer_lines(summary)
    yield from _arrival_lines(summary)
    yield from worker_lines(facts, summary)
    yield from _error_lines(summary)
    yield from (f"  lost: {loss}" for loss in summary.lives.losses()[:LOSSES_SHOWN])
    yield from (f"  → {hint}" for hint in hints(summary, facts.slos)[:HINTS_SHOWN])


def _table(summary: Summary) -> Iterator[str]:
    known = sorted(summary.series.items())
    if not known:
        yield "  nothing was measured"
        return
    chosen = set(sorted(summary.series, key=_rank)[:SERIES_SHOWN])
    rows = [_row(key, series) for key, series in known if key in chosen]
    head = ["group", "measure", "name", "count", "failed", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]  # noqa: PLR2004 - the first three are words
        yield "  " + "  ".join(cells).rstrip()
    if len(known) > len(rows):
        yield f"  … and {len(known) - len(rows)} more series, in report.html"


def _rank(key: SeriesKey) -> tuple[int, SeriesKey]:
    """What is shown where not everything is: what subscribers and callers felt comes first."""
    return MEASURES.index(key.measure) if key.measure in MEASURES else len(MEASURES), key


def _row(key: SeriesKey, series: Series) -> list[str]:
    def ms(seconds: float | None) -> str:
        return "–" if seconds is None else f"{seconds * 1000:,.3g}" if seconds < 1 else f"{seconds * 1000:,.0f}"

    times = series.histogram
    figures = [times.percentile(p) for p in (50, 95, 99)] + [times.max if times.count else None]
    return [key.group, key.measure, key.name, f"{series.count:,}", f"{series.failures:,}", *map(ms, figures)]


def _ledger_lines(summary: Summary) -> Iterator[str]:
    ledger = summary.ledger()
    if ledger.attempted:
        messages, bad = summary.counted(None, "messages"), summary.counted(None, "bad_messages")
        yield ""
        yield (
            f"  connections: {ledger.attempted:,} attempted, {ledger.established:,} established,"
            f" {ledger.failed:,} failed, {ledger.lost:,} lost · messages: {messages:,} good, {bad:,} bad"
        )


def _arrival_lines(summary: Summary) -> Iterator[str]:
    """What became of the requests that came due at a rate; a closed group has none."""
    due = summary.counted(None, "due")
    if due:
        missed, pending = summary.counted(None, "missed"), summary.counted(None, "pending_at_end")
        sent = due - missed - pending
        yield ""
        yield f"  open arrivals: {due:,} due, {sent:,} sent, {missed:,} missed, {pending:,} unsent at the end"


def _error_lines(summary: Summary) -> Iterator[str]:
    errors = [(count, group, name) for group, names in summary.errors.items() for name, count in names.items()]
    if not errors:
        return
    yield ""
    yield "  errors"
    for count, group, name in sorted(errors, reverse=True)[:ERRORS_SHOWN]:
        yield f"  {count:>9,}  {group}  {name}"
    if len(errors) > ERRORS_SHOWN:
        yield f"  … and {len(errors) - ERRORS_SHOWN} more kinds, in summary.json"
