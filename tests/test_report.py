"""report.py: what a console and summary.json say of a Summary."""

import json
from typing import Any

import msgspec
import pytest

from loadtest.histogram import Histogram
from loadtest.report import RunFacts, duration_text, hints, to_json, to_text
from loadtest.results import Measured, Record, Summary
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict


def measured(kind: str, measure: str, name: str, *seconds: float, failures: int = 0) -> Measured:
    times = Histogram()
    for value in seconds:
        times.record(value)
    group = "subscribers" if kind == "websocket" else "pollers"
    wire = times.to_wire() if seconds else None
    return Measured(group, kind, measure, name, len(seconds) + failures, failures, 0, wire)


@pytest.fixture
def summary() -> Summary:
    series = [
        measured("websocket", "connect", "/ws/market", 0.002, failures=1),
        measured("websocket", "delivery", "/ws/market", *[0.001 * n for n in range(1, 101)]),
        measured("rest", "response", "GET /a", failures=2),
    ]
    counters = {
        "subscribers": {"connects": 2, "connected": 1, "connects_failed": 1, "closed_by_us": 1, "messages": 100},
        "pollers": {"requests": 2, "requests_failed": 2},
    }
    errors = {"subscribers": {"connect: HTTP 403": 1}, "pollers": {"request: timeout": 2}}
    gauges = {"subscribers": {"users": 2, "open": 1}}
    base = Record("r1", "w1", 0, 0, 0, series, counters, errors, gauges, {"cpu": 0.25}, final=True)
    summary = Summary("r1")
    summary.add(base)
    summary.add(msgspec.structs.replace(base, worker="w2", series=[], counters={}, errors={}))
    return summary


FACTS = RunFacts(
    run_id="r1",
    profile="smoke",
    targets=("http://127.0.0.1:8000",),
    started_at="2026-01-02T03:04:05.000+00:00",
    duration_s=125.0,
    verdict=RunVerdict("fail", "1 of 1 SLOs breached: errors < 1%"),
    slos=(Verdict("errors < 1%", 100.0, 0.0, "fail", 2, "%"),),
    workers=("w1", "w2"),
    missing=("w2",),
)


def metric(content: dict[str, Any], measure: str) -> dict[str, Any]:
    (found,) = (entry for entry in content["metrics"] if entry["measure"] == measure)
    return dict(found)


def test_summary_json_holds_what_was_measured_in_ms(summary: Summary) -> None:
    content = json.loads(json.dumps(to_json(FACTS, summary)))
    delivery = metric(content, "delivery")
    assert (delivery["count"], delivery["failures"], delivery["samples"], delivery["unit"]) == (100, 0, 100, "ms")
    assert delivery["p50"] == pytest.approx(50, rel=1e-3)  # the 50th of 1 … 100 ms
    assert delivery["p95"] == pytest.approx(95, rel=1e-3)
    assert delivery["p99"] == pytest.approx(99, rel=1e-3)
    assert delivery["max"] == pytest.approx(100, rel=1e-6)
    assert delivery["mean"] == pytest.approx(50.5, rel=1e-6)


def test_what_has_no_samples_is_null_and_not_zero(summary: Summary) -> None:
    response = metric(to_json(FACTS, summary), "response")
    assert (response["count"], response["failures"], response["samples"]) == (2, 2, 0)
    assert [response[key] for key in ("mean", "p50", "p95", "p99", "max")] == [None] * 5


def test_workers_ledger_errors_and_verdict_are_told(summary: Summary) -> None:
    content = to_json(FACTS, summary)
    assert [(worker["name"], worker["complete"], worker["messages"]) for worker in content["workers"]] == [
        ("w1", True, 100),
        ("w2", False, 0),
    ]
    ledger = content["ledger"]["subscribers"]
    assert (ledger["attempted"], ledger["established"], ledger["failed"], ledger["pending"]) == (2, 1, 1, 0)
    assert {"group": "pollers", "name": "request: timeout", "count": 2} in content["errors"]
    assert (content["verdict"], content["exit_code"], content["peak_users"]) == ("fail", 1, 4)


def test_the_console_begins_with_the_verdict_and_names_errors_with_what_to_check(summary: Summary) -> None:
    lines = [line for line in to_text(FACTS, summary).splitlines() if line]
    assert lines[0] == "  FAIL: 1 of 1 SLOs breached: errors < 1%"
    text = "\n".join(lines)
    assert "fail    errors < 1%" in text
    assert "request: timeout" in text
    assert "WS_MAX_CONNECTIONS_PER_IP" in text


def test_a_hint_says_how_often(summary: Summary) -> None:
    (hint,) = hints(summary)
    assert hint.startswith("1 × HTTP 403: check first the target's limit")  # one was let in: hardly the token


def test_where_nobody_was_let_in_the_token_is_named_first() -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"g": {"connects": 1}}, {"g": {"connect: HTTP 403": 1}}, {}, {}))
    assert hints(summary)[0].startswith("1 × HTTP 403: check first the token")


@pytest.mark.parametrize(
    ("counters", "told"),
    [
        ({"messages": 9}, "none of 9 messages has the field"),  # the real backend
        ({"messages": 9, "unclocked": 9}, "target.clock is not known"),
        ({}, None),  # nothing came: other errors say why
    ],
)
def test_an_slo_on_delivery_without_samples_says_why(counters: dict[str, int], told: str | None) -> None:
    summary = Summary("r1")
    summary.add(Record("r1", "w1", 0, 0, 0, [], {"g": counters}, {}, {}, {}))
    found = hints(summary, (Verdict("websocket delivery p99 < 100ms", None, None, "no-data", 0, "ms"),))
    assert ([told in hint for hint in found] == [True]) if told else found == []


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.4, "59s"), (59.6, "1m00s"), (125, "2m05s"), (3600, "1h00m"), (7325, "2h02m")]
)
def test_a_duration_is_written_as_people_write_it(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
