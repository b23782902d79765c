"""Slow consumers in a report: a table, lines for the console, and what stands in summary.json. Counting is results'."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from loadtest.histogram import Histogram
from loadtest.results import Summary
from loadtest.results.slow_consumers import Compared, SlowGroup, compared, slow_groups

__all__ = ["SlowTable", "slow_consumer_lines", "slow_consumer_tables", "slow_consumers_json", "what_the_server_did"]

PERCENTILES = (50, 95, 99)


class SlowTable(NamedTuple):
    """Texts; the first column is words."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str


NOBODY = "nobody"
GROWS = 0.05
"""Who falls behind by a twentieth of the time or more, at the end, is being buffered for without an end in sight."""
BEHIND_S = 1.0
"""Who never was further behind than this was hardly slow: the server sends less than it reads."""


def slow_consumers_json(summary: Summary) -> dict[str, Any]:
    """Groups with `read`, and the others' delivery with and without them; {} where no group has one."""
    groups = slow_groups(summary)
    if not groups:
        return {}
    others = compared(summary)
    return {
        "groups": {slow.group: _group(slow) for slow in groups},
        "others": None
        if others is None
        else {
            "while_behind": {"seconds": others.behind_s, **_delivery(others.behind)},
            "without": {"seconds": others.without_s, **_delivery(others.without)},
        },
    }


def _group(slow: SlowGroup) -> dict[str, Any]:
    return {
        "subscribers": slow.subscribers,
        "taken": slow.taken,
        "lost": slow.lost,
        "behind_by": "ping" if slow.by_ping else "send_time",
        "behind_s": {
            **{f"p{p}": _rounded(slow.behind.percentile(p)) for p in PERCENTILES},
            "max": _rounded(slow.behind.max if slow.behind.count else None),
            "at_the_end": _rounded(slow.at_the_end_s),
        },
        "unread_bytes_max": slow.unread,
        "growth_s_per_s": _rounded(slow.growth),
        "server": what_the_server_did(slow),
        "closed": [{"name": end.name, "count": end.count, "median_s": _rounded(end.median_s)} for end in slow.closes],
    }


def _delivery(times: Histogram) -> dict[str, Any]:
    figures = {f"p{p}_ms": times.percentile(p) for p in PERCENTILES}
    return {
        "samples": times.count,
        **{name: None if value is None else round(value * 1000, 5) for name, value in figures.items()},
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def slow_consumer_lines(summary: Summary) -> Iterator[str]:
    """For the console: a line on each group, one on how it was closed, and one on the others."""
    for slow in slow_groups(summary):
        lost = "lost: unknown" if slow.lost is None else f"{slow.lost:,} lost"
        ends = ", ".join(_end(slow)) or f"the server closed {NOBODY}"
        yield f"  {slow.group} · slow: {_behind(slow)}; {lost}; {slow.unread / 1000:,.0f} kB unread at most; {ends}"
        yield f"  {slow.group} · the server {what_the_server_did(slow)}"
    others = compared(summary)
    if others is not None:
        yield "  the others' delivery: " + "; ".join(_sides(others))


def what_the_server_did(slow: SlowGroup) -> str:
    """In words, to follow "the server": closed, dropped, buffered without end, or what can't be told."""
    did = []
    if closed := sum(end.count for end in slow.closes):
        did.append(f"closed {closed:,} of their connections")
    if slow.lost:
        did.append(f"dropped {slow.lost:,} of their messages")
    growth, most = slow.growth, slow.behind.max if slow.behind.count else None
    if growth is not None and growth >= GROWS:
        did.append(f"buffered more and more for them: {growth * 60:.3g} s further behind with each minute at the end")
    elif most is not None and not did:
        if most <= BEHIND_S:
            did.append("hardly sent more than they read")
        elif growth is None:
            did.append(f"buffered up to {_s(most)} for them, for how long is not known: the run was too short to tell")
        else:
            rest = "nothing is lost" if slow.lost == 0 else "whether it drops, only a sequence tells"
            did.append(f"buffered up to {_s(most)} for them and no more; {rest}")
    return " and ".join(did) or "did nothing that can be told: they took no message"


def _end(slow: SlowGroup) -> Iterator[str]:
    for end in slow.closes:
        yield f"{end.count:,} × {end.name} after {_s(end.median_s)} (median)"


def _behind(slow: SlowGroup) -> str:
    by = " by ping" if slow.by_ping else ""
    figures = f"p50 {_s(slow.behind.percentile(50))}, max {_s(slow.behind.max if slow.behind.count else None)}"
    return f"behind{by} {figures}, {_s(slow.at_the_end_s)} in the end"


def _sides(others: Compared) -> Iterator[str]:
    for name, times, seconds in _rows(others):
        if seconds:
            yield f"{name} p50 {_ms(times, 50)}, p99 {_ms(times, 99)} ({seconds} s)"
        else:
            yield f"{name} no second to compare with"


def _rows(others: Compared) -> tuple[tuple[str, Histogram, int], ...]:
    return (
        ("while one was behind", others.behind, others.behind_s),
        ("without", others.without, others.without_s),
    )


def slow_consumer_tables(summary: Summary) -> Iterator[SlowTable]:
    """What became of them, and what the others felt; nothing where no group reads slowly."""
    groups = slow_groups(summary)
    if not groups:
        return
    yield SlowTable(
        "Slow consumers",
        (
            "group",
            "subscribers",
            "taken",
            "lost",
            "behind p50",
            "p99",
            "max",
            "in the end",
            "unread kB",
            "closed",
            "the server",
        ),
        tuple(_cells(slow) for slow in groups),
        note="Behind: how old a message was when the reader took it; without send times, a ping's round trip. Unread:"
        " the most that waited in the workers' kernels. Closed: against our wish, and the median time to it.",
    )
    others = compared(summary)
    if others is not None:
        rows = _rows(others)
        yield SlowTable(
            "What the others felt of slow consumers",
            ("delivery", "seconds", "samples", "p50 ms", "p95 ms", "p99 ms"),
            tuple(
                (name, f"{seconds:,}", f"{times.count:,}", *(_ms(times, p).removesuffix(" ms") for p in PERCENTILES))
                for name, times, seconds in rows
            ),
            note="Of the groups that read at full speed, in seconds in which as many of them as ever were open: while a"
            " slow consumer was behind, and while none was there.",
        )


def _cells(slow: SlowGroup) -> tuple[str, ...]:
    behind = slow.behind
    figures = (behind.percentile(50), behind.percentile(99), behind.max if behind.count else None, slow.at_the_end_s)
    lost = "unknown" if slow.lost is None else f"{slow.lost:,}"
    counts = (f"{slow.subscribers:,}", f"{slow.taken:,}", lost)
    return (
        slow.group,
        *counts,
        *map(_s, figures),
        f"{slow.unread / 1000:,.0f}",
        ", ".join(_end(slow)) or NOBODY,
        what_the_server_did(slow),
    )


def _s(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:,.3g} s"


def _ms(times: Histogram, p: float) -> str:
    value = times.percentile(p)
    return "–" if value is None else f"{value * 1000:,.3g} ms"
