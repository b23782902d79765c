"""How the connections of a run came about, came back and ended, by group, for every file of a result."""

from collections.abc import Iterator
from typing import Any

from loadtest.results import Summary

__all__ = ["BACK", "connection_lines", "handshakes_json", "jitter_lines", "reconnects_json"]

BACK = (50, 95, 100)
"""Shares (%) of those who had to come back."""
REFUSALS_SHOWN = 3
WHOLE_MS = 100
"""From here on a console shows whole milliseconds."""


def handshakes_json(summary: Summary, group: str) -> dict[str, Any]:
    """The most of one run second over all workers: attempts begun, and connections established."""
    seen = summary.handshakes.get(group, {})
    return {
        f"peak_{name}_per_s": seen[counter].peak if counter in seen else 0
        for name, counter in (("attempted", "connects"), ("established", "connected"))
    }


def reconnects_json(summary: Summary) -> dict[str, Any]:
    """Per WebSocket group that had to come back; times in ms, null for a share that never was back."""
    groups = sorted(group for group, kind in summary.kinds.items() if kind == "websocket")
    return {group: _of(summary, group) for group in groups if summary.attempts(group, "reconnect")}


def _of(summary: Summary, group: str) -> dict[str, Any]:
    times = summary.histogram(group, "reconnect")
    count = summary.attempts(group, "reconnect")
    excluded = sum(series.excluded for series in summary.select(group, "reconnect"))
    failures = sum(series.failures for series in summary.select(group, "reconnect"))
    connect = summary.histogram(group, "connect")
    return {
        "count": count,
        "back": count - failures,
        **{f"back_{share}_ms": _back(times, share, count - excluded) for share in BACK},
        "handshake_p50_ms": _ms(connect.percentile(50)),
        "handshake_p95_ms": _ms(connect.percentile(95)),
        "handshake_max_ms": _ms(connect.max),
        **handshakes_json(summary, group),
        "refused": refusals(summary, group),
        "missed_meanwhile": summary.counted(group, "missed_meanwhile"),
    }


def _back(times: Any, share: int, count: int) -> float | None:
    """When `share` % of `count` were back, in ms; None if so many never were."""
    rank = max(-(-share * count // 100), 1)
    return _ms(times.percentile(100 * rank / times.count)) if rank <= times.count else None


def refusals(summary: Summary, group: str) -> dict[str, int]:
    """Cause -> how many attempts failed by it, the most frequent first."""
    found = {why: n for why, n in summary.endings.get(group, {}).items() if why.startswith("failed")}
    return dict(sorted(found.items(), key=lambda cause: (-cause[1], cause[0])))


def connection_lines(summary: Summary) -> Iterator[str]:
    """For a console: a line on handshakes for each group that connects, and one on its return."""
    storms = reconnects_json(summary)
    for group in sorted(summary.handshakes):
        peaks = handshakes_json(summary, group)
        tried, made = peaks["peak_attempted_per_s"], peaks["peak_established_per_s"]
        yield f"  {group} · handshakes: at most {tried:,} begun and {made:,} established in a second"
        if group in storms:
            storm = storms[group]
            back = ", ".join(f"{share} % {_after(storm[f'back_{share}_ms'])}" for share in BACK)
            causes = [f"{count:,} {why}" for why, count in storm["refused"].items()][:REFUSALS_SHOWN]
            yield f"  {group} · back: {storm['back']:,} of {storm['count']:,}; {back}"
            if causes:
                yield f"  {group} · attempts that failed: {', '.join(causes)}"


def jitter_lines(summary: Summary) -> Iterator[str]:
    """For a console: how even the gaps between messages are."""
    for key, series in sorted(summary.series.items()):
        mean, jitter = series.histogram.mean, series.histogram.mean_deviation
        if key.measure == "gap" and mean is not None and jitter is not None:
            yield f"  {key.group} · gap: {mean * 1000:,.4g} ms on average, jitter {jitter * 1000:,.3g} ms"


def _after(ms: float | None) -> str:
    return "never" if ms is None else f"after {ms:,.3g} ms" if ms < WHOLE_MS else f"after {ms:,.0f} ms"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 5)
