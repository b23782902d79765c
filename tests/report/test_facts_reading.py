"""report/reading.py: what summary.json says can be read back."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from sample_run import FACTS, sample_summary
from synthetic_run import facts_of, synthetic_run

from loadtest.report import to_json
from loadtest.report.reading import facts_from
from loadtest.slo import Verdict


def written(facts: Any, summary: Any) -> Any:
    return json.loads(json.dumps(to_json(facts, summary), allow_nan=False))


def test_facts_survive_being_written_and_read() -> None:
    summary = synthetic_run(20)
    facts = replace(facts_of(summary, 20), kinds=(("subscribers", "websocket"),), finished=False)
    assert facts_from(written(facts, summary)) == facts


def test_missing_workers_and_what_was_never_reached_survive_as_well() -> None:
    never = Verdict("reconnected 95% < 5s", math.inf, 0.0, "fail", 10, "s", 5.0)
    facts = replace(FACTS, slos=(never, Verdict("ping p50 < 1s", None, None, "no-data", 0, "s", 1.0)))
    assert facts_from(written(facts, sample_summary())) == facts


@pytest.mark.parametrize("content", [None, [], {}, {"schema": 99}, {"schema": 1}, {"schema": 1, "run_id": "x"}])
def test_anything_else_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match=r"it is no summary\.json|it lacks something"):
        facts_from(content)
