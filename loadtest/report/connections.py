"""Who missed how much, by group, for summary.json, the console and the report's page. Counting is fanout's."""

from collections.abc import Iterator
from typing import Any

from loadtest.results import Summary

__all__ = ["WORST_HEAD", "connections_json", "missed_lines", "worst_rows"]

COUNTED = ("lost", "duplicated", "reordered")
WORST_HEAD = ("group", "worker", "connection", "opened s", "told s", *COUNTED, "longest silence s")


def connections_json(summary: Summary) -> dict[str, Any]:
    """Per WebSocket group: distributions over its connections, null where that can't be told, and the worst."""
    groups = sorted(group for group, kind in summary.kinds.items() if kind == "websocket")
    return {group: _of(summary, group) for group in groups}


def _told(summary: Summary, group: str, kind: str) -> bool:
    """Whether it can be told: by numbers, or (what was lost) by what others got."""
    if kind == "silence" or summary.counted(group, "sequenced"):
        return True
    return kind == "lost" and summary.counted(group, "expected_deliveries") > 0


def _of(summary: Summary, group: str) -> dict[str, Any]:
    missed = summary.missing.of(group)
    found: dict[str, Any] = {"established": summary.ledger(group).established}
    for kind in COUNTED:
        found[kind] = None
        if _told(summary, group, kind):
            rows = [list(row) for row in missed.rows(kind)]
            about = {"connections": missed.connections(kind), "messages": missed.sums[kind]}
            found[kind] = {**about, "most": missed.most[kind], "distribution": rows}
    found["silence"] = {
        "connections": missed.connections("silence"),
        "longest_s": missed.most["silence"] / 1000,
        "distribution_s": [[low / 1000, count] for low, count in missed.rows("silence")],
    }
    found["worst"] = list(_worst(summary, group))
    return found


def _worst(summary: Summary, group: str) -> Iterator[dict[str, Any]]:
    for worker, opened, told, connection in summary.missing.worst(group):
        counts = {kind: getattr(connection, kind) if _told(summary, group, kind) else None for kind in COUNTED}
        number = None if connection.who < 0 else connection.who
        times = {"opened_at": opened, "told_at": told}
        yield {"worker": worker, "connection": number, **times, **counts, "silence_s": connection.silence / 1000}


def missed_lines(summary: Summary) -> Iterator[str]:
    """A line for each group of which a connection missed something."""
    for group, found in connections_json(summary).items():
        parts = [
            f"{its['connections']:,} {kind} {its['messages']:,} (the most: {its['most']:,})"
            for kind in COUNTED
            if (its := found[kind]) and its["connections"]
        ]
        if parts:
            first = found["worst"][0]
            number = "" if first["connection"] is None else f" #{first['connection']}"
            who = f"worst {first['worker']}{number}, told at {first['told_at']} s"
            yield f"  {group} · of {found['established']:,} connections {', '.join(parts)}; {who}"


def worst_rows(summary: Summary) -> Iterator[tuple[str, ...]]:
    """The worst connections of every group, for a table with WORST_HEAD."""
    for group, found in connections_json(summary).items():
        for its in found["worst"]:
            number = "–" if its["connection"] is None else f"#{its['connection']}"
            counts = ("–" if its[kind] is None else f"{its[kind]:,}" for kind in COUNTED)
            times = (str(its["opened_at"]), str(its["told_at"]))
            yield (group, its["worker"], number, *times, *counts, f"{its['silence_s']:.1f}")
