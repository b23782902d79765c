"""report/document.py: what summary.json says of a run."""

import json
from typing import Any

import pytest
from sample_run import FACTS, sample_summary

from loadtest.report import to_json
from loadtest.results import Summary


@pytest.fixture
def summary() -> Summary:
    return sample_summary()


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
