"""Tabs on Locust's page: Streams, Workers, SLOs, Ledger. Locust draws the tables; rows come with its statistics.

`web_ui.template_args` has the tabs and their columns once; an answer of /stats/requests gets `extended_stats`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response, json, request

from loadtest.monitor import Status
from loadtest.monitor.document import Times

__all__ = ["TABS", "install", "rows"]

Columns = dict[str, str]

TABS: dict[str, tuple[str, Columns]] = {
    "load-streams": (
        "Streams",
        {
            "group": "Group",
            "open": "Open",
            "target": "Target",
            "rate": "Messages/s",
            "measure": "Measure",
            "p50": "p50 (ms)",
            "p95": "p95 (ms)",
            "p99": "p99 (ms)",
            "error": "± (ms)",
            "freshness": "Age of the data p95 (ms)",
            "skew": "Skew p95 (ms)",
            "completeness": "Completeness",
            "lost": "Lost",
            "errors": "Errors",
        },
    ),
    "load-workers": (
        "Workers",
        {
            "name": "Worker",
            "state": "State",
            "users": "Users",
            "cpu": "CPU",
            "lag": "Lag (ms)",
            "descriptors": "Descriptors",
            "offset": "Clock offset (ms)",
            "error": "± (ms)",
            "report": "Last report (s ago)",
            "over": "Over a limit",
        },
    ),
    "load-slos": (
        "SLOs",
        {
            "text": "SLO",
            "verdict": "Verdict",
            "observed": "Observed",
            "error": "±",
            "margin": "Margin",
            "samples": "Samples",
        },
    ),
    "load-ledger": (
        "Ledger",
        {
            "group": "Group",
            "attempted": "Attempted",
            "established": "Established",
            "failed": "Failed",
            "cancelled": "Cancelled",
            "pending": "Pending",
            "open": "Open",
            "closed_by_us": "Closed by us",
            "closed_by_server": "By the server",
            "closed_by_network": "By the network",
            "lost_with_worker": "Lost with a worker",
        },
    ),
    "load-causes": ("Causes", {"group": "Group", "name": "Connections failed or ended by", "count": "Connections"}),
}
"""key -> (title, column -> heading). Locust has a tab with the key `workers` of its own."""


def install(app: Flask, template_args: dict[str, Any], status: Callable[[], Status], base_path: str = "") -> None:
    """Add the tabs; `template_args` is what Locust's page is made with."""
    template_args["extended_tabs"] = [{"title": title, "key": key} for key, (title, _) in TABS.items()]
    template_args["extended_tables"] = [
        {"key": key, "structure": [{"key": column, "title": heading} for column, heading in columns.items()]}
        for key, (_, columns) in TABS.items()
    ]

    def add_rows(response: Response) -> Response:
        if request.path == f"{base_path}/stats/requests" and response.is_json:
            answer = response.get_json()
            if isinstance(answer, dict):
                tables = [{"key": key, "data": data} for key, data in rows(status()).items()]
                response.set_data(json.dumps({**answer, "extended_stats": tables}))
        return response

    app.after_request(add_rows)


def rows(status: Status) -> dict[str, list[dict[str, str]]]:
    """Tab -> its rows, as text."""
    return {
        "load-streams": [
            {
                "group": its.group,
                "open": number(its.open),
                "target": number(its.target),
                "rate": figure(its.messages_per_s),
                "measure": its.measure or "–",
                **_percentiles(its.times),
                "freshness": figure(its.freshness_p95_ms),
                "skew": figure(its.skew_p95_ms),
                "completeness": share(its.completeness),
                "lost": number(its.lost),
                "errors": number(its.errors),
            }
            for its in status.streams
        ],
        "load-workers": [
            {
                "name": its.name,
                "state": its.state,
                "users": number(its.users),
                "cpu": share(its.cpu),
                "lag": figure(its.lag_ms),
                "descriptors": number(its.descriptors),
                "offset": figure(its.clock_offset_ms),
                "error": figure(its.clock_error_ms),
                "report": figure(its.last_report_s),
                "over": ", ".join(its.over) or "–",
            }
            for its in status.workers
        ],
        "load-slos": [
            {
                "text": its.text,
                "verdict": its.verdict,
                "observed": "no samples" if its.observed is None else f"{figure(its.observed)}{_unit(its.unit)}",
                "error": figure(its.error or None),
                "margin": share(its.margin),
                "samples": number(its.samples),
            }
            for its in status.slos
        ],
        "load-ledger": [_texts(its.group, columns=TABS["load-ledger"][1], source=its) for its in status.ledger],
        "load-causes": [{"group": its.group, "name": its.name, "count": number(its.count)} for its in status.causes],
    }


def _percentiles(times: Times) -> dict[str, str]:
    return {
        "p50": figure(times.p50_ms),
        "p95": figure(times.p95_ms),
        "p99": figure(times.p99_ms),
        "error": figure(times.error_ms or None),
    }


def _unit(unit: str) -> str:
    return unit if unit in ("", "%", "/s") else f" {unit}"


def _texts(group: str, columns: Iterable[str], source: object) -> dict[str, str]:
    counts = {name: number(getattr(source, name)) for name in columns if name != "group"}
    return {"group": group, **counts}


def number(count: int | None) -> str:
    """A count, in thousands."""
    return "–" if count is None else f"{count:,}"


def figure(value: float | None) -> str:
    """A figure to three digits."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits


def share(value: float | None) -> str:
    """A share as a percentage; never rounded up to 100."""
    if value is None:
        return "–"
    if value < 1 and value > 0.9999:  # noqa: PLR2004 - 99.99 %
        return "99.99+%"
    return f"{value * 100:.2f}".rstrip("0").rstrip(".") + "%"
