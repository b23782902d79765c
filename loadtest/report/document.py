"""Summary and verdicts as `summary.json`."""

import math
from dataclasses import asdict
from typing import Any

from loadtest.report.broadcasts import broadcasts_json
from loadtest.report.connections import connections_json
from loadtest.report.facts import RunFacts
from loadtest.report.hints import hints
from loadtest.report.reconnects import handshakes_json, reconnects_json
from loadtest.report.slow_consumers import slow_consumers_json
from loadtest.results import SeriesKey, Summary
from loadtest.results.totals import Series
from loadtest.slo import Verdict

__all__ = ["SCHEMA", "to_json"]

SCHEMA = 1
"""The version of `summary.json`; docs/results.md explains every key."""


def to_json(facts: RunFacts, summary: Summary) -> dict[str, Any]:
    """What stands in `summary.json`. Times are in the unit that each metric names; null without samples."""
    return {
        "schema": SCHEMA,
        "finished": facts.finished,
        "run_id": facts.run_id,
        "profile": facts.profile,
        "targets": list(facts.targets),
        "verdict": facts.verdict.name,
        "why": facts.verdict.why,
        "exit_code": int(facts.verdict.exit_code),
        "started_at": facts.started_at,
        "duration_s": round(facts.duration_s, 3),
        "seed": facts.seed,
        "versions": dict(facts.versions),
        "phases": [{"phase": span.phase, "from": span.start, "to": span.end} for span in facts.phases],
        "groups": dict(facts.kinds),
        "workers": [_worker(name, facts, summary) for name in facts.workers],
        "limits": {name: None if math.isinf(value) else value for name, value in asdict(facts.limits).items()},
        "excluded": _excluded(summary),
        "lost": [{**asdict(loss), "seconds": loss.seconds} for loss in summary.lives.losses()],
        "peak_users": summary.peak_users,
        "metrics": [_metric(key, series) for key, series in sorted(summary.series.items())],
        "counters": {group: dict(sorted(counts.items())) for group, counts in sorted(summary.counters.items())},
        "ledger": {
            group: _ledger(summary, group) for group, kind in sorted(summary.kinds.items()) if kind == "websocket"
        },
        "reconnects": reconnects_json(summary),
        "broadcasts": broadcasts_json(summary),
        "slow_consumers": slow_consumers_json(summary) if facts.finished else {},
        "connections": connections_json(summary),
        "errors": [
            {"group": group, "name": name, "count": count}
            for group, errors in sorted(summary.errors.items())
            for name, count in errors.most_common()
        ],
        "hints": hints(summary, facts.slos),
        "slo": [_slo(verdict) for verdict in facts.slos],
    }


def _excluded(summary: Summary) -> dict[str, Any]:
    """What is left out of the seconds that the run is judged by."""
    seconds, exclusions = summary.judged_seconds, summary.exclusions
    left_out, known = exclusions.counted(seconds)
    return {
        "worker_seconds": left_out,
        "of": known,
        "in_a_row": exclusions.longest(seconds)[0],
        "by_limit": [asdict(exclusion) for exclusion in exclusions.by_limit(seconds)],
    }


def _slo(verdict: Verdict) -> dict[str, Any]:
    never = verdict.observed is not None and math.isinf(verdict.observed)
    return {
        "text": verdict.text,
        "observed": None if never else verdict.observed,
        "error": verdict.error,
        "unit": verdict.unit,
        "limit": verdict.limit,
        "verdict": verdict.outcome,
        "action": verdict.action,
        "samples": verdict.samples,
        "where": verdict.where,
    }


def _worker(name: str, facts: RunFacts, summary: Summary) -> dict[str, Any]:
    totals = summary.workers[name]
    return {
        "name": name,
        "complete": name not in facts.missing,
        "peak_users": totals.peak_users,
        "metrics": [_metric(key, series) for key, series in sorted(totals.totals.series.items())],
        "messages": totals.messages,
        "requests": totals.requests,
        "seconds": totals.records,
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
        "excluded": series.excluded,
        "clamped": times.clamped,
        "unit": "ms",
        "mean": ms(times.total / times.count) if times.count else None,
        "p50": ms(times.percentile(50)),
        "p95": ms(times.percentile(95)),
        "p99": ms(times.percentile(99)),
        "max": ms(times.max) if times.count else None,
        "jitter": ms(times.mean_deviation) if key.measure == "gap" else None,
    }


def _ledger(summary: Summary, group: str) -> dict[str, Any]:
    ledger = summary.ledger(group)
    return {
        **asdict(ledger),
        "pending": ledger.pending,
        "open": ledger.open,
        **handshakes_json(summary, group),
        "causes": dict(sorted(summary.endings.get(group, {}).items())),
    }
