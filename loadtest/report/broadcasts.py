"""What became of the broadcasts of a run, by group, for summary.json and the console. Counting is fanout's."""

from collections.abc import Iterator
from typing import Any

from loadtest.results import Summary

__all__ = ["broadcast_lines", "broadcasts_json"]


def broadcasts_json(summary: Summary) -> dict[str, Any]:
    """Per WebSocket group; completeness in percent, null where it can't be told."""
    groups = sorted(group for group, kind in summary.kinds.items() if kind == "websocket")
    return {group: _of(summary, group) for group in groups}


def _of(summary: Summary, group: str) -> dict[str, Any]:
    complete, _ = summary.completeness(group)
    return {
        "judged": summary.counted(group, "broadcasts"),
        "unjudged": summary.counted(group, "broadcasts_unjudged"),
        "expected": summary.counted(group, "expected_deliveries"),
        "counted": summary.counted(group, "counted_deliveries"),
        "completeness": None if complete is None else 100 * complete,
        "skew_floor_ms": round(summary.skew_floor() * 1000, 5),
        "sequenced": summary.counted(group, "sequenced") > 0,
    }


def broadcast_lines(summary: Summary) -> Iterator[str]:
    """A line on completeness, one on skew and one on sequence for each group that has them."""
    for group, found in broadcasts_json(summary).items():
        if not summary.counted(group, "messages"):
            continue
        if group not in summary.slow:  # no broadcast is judged by those
            yield f"  {group} · {_completeness(found)}"
        times = summary.histogram(group, "skew")
        if times.count:
            figures = ", ".join(f"{name} {_ms(times.percentile(p))}" for name, p in (("p50", 50), ("p99", 99)))
            floor = f"of it up to {found['skew_floor_ms']:.3g} ms the generator's own"
            yield f"  {group} · skew: {figures}, max {_ms(times.max)}; {floor}"
        if found["sequenced"]:
            names = ("lost", "duplicated", "reordered", "missed_meanwhile")
            counts = [f"{summary.counted(group, name):,} {name.replace('_', ' ')}" for name in names]
            yield f"  {group} · sequence: {', '.join(counts)}"


def _completeness(found: dict[str, Any]) -> str:
    if found["completeness"] is None:
        return f"completeness: not applicable (of {found['unjudged']:,} broadcasts nobody can tell who should get them)"
    share = f"{found['completeness']:.6g} %"
    return f"completeness: {share}, {found['counted']:,} of {found['expected']:,} in {found['judged']:,} broadcasts"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.3g} ms"
