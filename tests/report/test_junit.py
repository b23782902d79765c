"""report/junit.py: what a pipeline reads of a run."""

from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
from sample_run import FACTS

from loadtest.report import RunFacts
from loadtest.report.junit import to_junit
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict

PASSED = Verdict("rest response p95 < 200ms", 12.5, 0.0, "pass", 2000, "ms")
FAILED = Verdict("errors < 1%", 5.0, 0.0, "fail", 20, "%")
WARNED = replace(FAILED, text="errors < 1% warn", action="warn")
UNKNOWN = Verdict("ping p99 < 1s", None, None, "no-data", 0, "s")


def read(facts: RunFacts, tmp_path: Path) -> junitparser.JUnitXml:
    path = tmp_path / "junit.xml"
    path.write_text(to_junit(facts), encoding="utf-8")
    return junitparser.JUnitXml.fromfile(str(path))


def results(facts: RunFacts, tmp_path: Path) -> dict[str, list[tuple[str, str | None, str | None]]]:
    """Case -> what stands in it: (element, type, message)."""
    (suite,) = read(facts, tmp_path)
    return {case.name: [(type(r).__name__, r.type, r.message) for r in case.result] for case in suite}


def test_every_slo_is_a_case_and_the_run_is_one(tmp_path: Path) -> None:
    facts = replace(
        FACTS, slos=(PASSED, FAILED, WARNED, UNKNOWN), verdict=RunVerdict("fail", "1 of 4 SLOs breached: errors < 1%")
    )
    assert results(facts, tmp_path) == {
        "run": [],  # the SLO says it already
        "rest response p95 < 200ms": [],
        "errors < 1%": [("Failure", "fail", "observed 5%")],
        "errors < 1% warn": [("Skipped", None, "warning: observed 5%")],
        "ping p99 < 1s": [("Error", "no-data", "observed no samples")],
    }
    (suite,) = read(facts, tmp_path)
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 1)
    assert (suite.name, suite.time, suite.timestamp) == ("smoke", 125.0, "2026-01-02T03:04:05")
    assert {p.name: p.value for p in suite.properties()}["run_id"] == "r1"


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (RunVerdict("pass", "all 1 SLOs held"), []),
        (RunVerdict("invalid", "a report is missing"), [("Error", "invalid", "a report is missing")]),
        (RunVerdict("interrupted", "a signal"), [("Error", "interrupted", "a signal")]),
        (RunVerdict("error", "nothing answers"), [("Error", "error", "nothing answers")]),
        (RunVerdict("no-data", "nothing was measured"), [("Error", "no-data", "nothing was measured")]),
        (RunVerdict("fail", "aborted"), [("Failure", "fail", "aborted")]),
    ],
)
def test_what_is_wrong_with_the_run_as_a_whole_stands_in_its_own_case(
    verdict: RunVerdict, told: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    assert results(replace(FACTS, slos=(PASSED,), verdict=verdict), tmp_path)["run"] == told


def test_no_name_can_break_the_document(tmp_path: Path) -> None:
    text = 'rest response "GET /<a&b>\x00\x1b\ud800" p99 < 1s'
    facts = replace(FACTS, slos=(replace(FAILED, text=text),), profile=None, targets=("http://a/?<&\x01",))
    (suite,) = read(facts, tmp_path)
    assert [case.name for case in suite] == ["run", 'rest response "GET /<a&b>\ufffd\ufffd\ufffd" p99 < 1s']
    assert suite.name == "locustfile"
