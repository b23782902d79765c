"""Summary and verdicts as console text and as `summary.json`. It formats; counting and judging are done elsewhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadtest.results import SeriesKey, Summary
from loadtest.results.summary import Series
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict

__all__ = ["SCHEMA", "RunFacts", "duration_text", "hints", "to_json", "to_text"]

SCHEMA = 1
"""The version of `summary.json`; docs/results.md explains every key."""

ERRORS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is said of a run beside what was measured."""

    run_id: str
    profile: str | None
    targets: tuple[str, ...]
    started_at: str
    """ISO 8601, UTC"""
    duration_s: float
    verdict: RunVerdict
    slos: tuple[Verdict, ...]
    workers: tuple[str, ...]
    missing: tuple[str, ...] = ()


def to_json(facts: RunFacts, summary: Summary) -> dict[str, Any]:
    """What stands in `summary.json`. Times are in the unit that each metric names; null without samples."""
    return {
        "schema": SCHEMA,
        "run_id": facts.run_id,
        "profile": facts.profile,
        "targets": list(facts.targets),
        "verdict": facts.verdict.name,
        "why": facts.verdict.why,
        "exit_code": int(facts.verdict.exit_code),
        "started_at": facts.started_at,
        "duration_s": round(facts.duration_s, 3),
        "workers": [_worker(name, facts, summary) for name in facts.workers],
        "peak_users": summary.peak_users,
        "metrics": [_metric(key, series) for key, series in sorted(summary.series.items())],
        "counters": {group: dict(sorted(counts.items())) for group, counts in sorted(summary.counters.items())},
        "ledger": {
            group: _ledger(summary, group) for group, kind in sorted(summary.kinds.items()) if kind == "websocket"
        },
        "errors": [
            {"group": group, "name": name, "count": count}
            for group, errors in sorted(summary.errors.items())
            for name, count in errors.most_common()
        ],
        "hints": hints(summary, facts.slos),
        "slo": [
            {"text": v.text, "observed": v.observed, "error": v.error, "verdict": v.outcome, "samples": v.samples}
            for v in facts.slos
        ],
    }


def _worker(name: str, facts: RunFacts, summary: Summary) -> dict[str, Any]:
    totals = summary.workers[name]
    return {
        "name": name,
        "complete": name not in facts.missing,
        "peak_users": totals.peak_users,
        "messages": totals.messages,
        "requests": totals.requests,
        "seconds": sum(len(serials) for serials in totals.serials.values()),
        "worst": {key: round(value, 6) for key, value in sorted(totals.worst.items())},
    }


def _metric(key: SeriesKey, series: Series) -> dict[str, Any]:
    times = series.histogram

    def ms(seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds * 1000, 5)

    return {
        **key._asdict(),
        "count": series.count,
        "failures": series.failures,
        "samples": times.count,
        "clamped": times.clamped,
        "unit": "ms",
        "mean": ms(times.total / times.count) if times.count else None,
        "p50": ms(times.percentile(50)),
        "p95": ms(times.percentile(95)),
        "p99": ms(times.percentile(99)),
        "max": ms(times.max) if times.count else None,
    }


def _ledger(summary: Summary, group: str) -> dict[str, int]:
    ledger = summary.ledger(group)
    return {**asdict(ledger), "pending": ledger.pending, "open": ledger.open}


HINTS = {
    "connect: HTTP 401": "HTTP 401: the target wants credentials; check target.token or target.headers.",
    "connect: HTTP 404": "HTTP 404: the target has no WebSocket at this path; check the group's `websocket:`.",
    "connect: HTTP 429": "HTTP 429: the target limits how fast connections may come; ramp up more slowly.",
    "connect: HTTP 503": "HTTP 503: the target is over a limit of its own, or a proxy before it has no backend.",
    "connect: DNS": "DNS: the target's name does not resolve from the workers; check target.url there.",
    "connect: refused": "refused: nothing listens at the target's port; is it up, and is target.url right?",
    "connect: TLS: certificate": "TLS: the certificate is not trusted; set target.ca_file, or target.verify: false.",
}


LIMIT = "the target's limit of connections per address (WS_MAX_CONNECTIONS_PER_IP): a worker is one address"
CREDENTIAL = "the token (target.token, WS_AUTH_TOKEN)"


def hints(summary: Summary, slos: Sequence[Verdict] = ()) -> list[str]:
    """What to check, a sentence each: for errors that come in waves, and for SLOs that had nothing to judge."""
    counted: Counter[str] = Counter()
    for errors in summary.errors.values():
        counted.update(errors)
    found = [f"{counted[name]:,} × {text}" for name, text in HINTS.items() if name in counted]
    if refused := counted["connect: HTTP 403"]:
        first, second = (LIMIT, CREDENTIAL) if summary.ledger().established else (CREDENTIAL, LIMIT)
        found.append(f"{refused:,} × HTTP 403: check first {first}, then {second}.")
    if any(slo.observed is None and " delivery " in f" {slo.text}" for slo in slos):
        found += _why_no_delivery(summary)
    return found


def _why_no_delivery(summary: Summary) -> list[str]:
    messages, unclocked = summary.counted(None, "messages"), summary.counted(None, "unclocked")
    if not messages or summary.histogram(None, "delivery").count:
        return []
    if unclocked:
        return ["no delivery latency: messages say when they were sent, but target.clock is not known."]
    why = f"none of {messages:,} messages has the field that send_time names"
    return [f"no delivery latency: {why}; judge gap or ping, such as --set 'slo.0=websocket ping p99 < 100ms'."]


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
    yield from _error_lines(summary)
    yield from (f"  → {hint}" for hint in hints(summary, facts.slos))


def _table(summary: Summary) -> Iterator[str]:
    rows = [_row(key, series) for key, series in sorted(summary.series.items())]
    if not rows:
        yield "  nothing was measured"
        return
    head = ["group", "measure", "name", "count", "failed", "p50 ms", "p95 ms", "p99 ms", "max ms"]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))]  # noqa: PLR2004 - the first three are words
        yield "  " + "  ".join(cells).rstrip()


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


def duration_text(seconds: float) -> str:
    """Such as `45s`, `2m05s`, `1h02m`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes:02d}m"
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"
