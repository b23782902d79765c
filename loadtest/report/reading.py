"""`summary.json` back to RunFacts, for those who come later: to render a run again, or to compare it."""

import math
from collections.abc import Mapping
from typing import Any

from loadtest.limits import Limits
from loadtest.report.document import SCHEMA
from loadtest.report.facts import PhaseSpan, RunFacts
from loadtest.slo import Verdict
from loadtest.verdict import RunVerdict

__all__ = ["facts_from"]


def facts_from(content: Any) -> RunFacts:
    """What a `summary.json` says of its run beside what was measured.

    Raises:
        ValueError: it is not one, or of another version.
    """
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"it is no summary.json of schema {SCHEMA}")
    try:
        return _facts(content)
    except (KeyError, TypeError, AttributeError) as problem:
        raise ValueError(f"it lacks something that every summary.json has: {problem}") from None


def _facts(content: Mapping[str, Any]) -> RunFacts:
    return RunFacts(
        run_id=str(content["run_id"]),
        profile=content["profile"],
        targets=tuple(content["targets"]),
        started_at=str(content["started_at"]),
        duration_s=float(content["duration_s"]),
        verdict=RunVerdict(content["verdict"], str(content["why"])),
        slos=tuple(_verdict(slo) for slo in content["slo"]),
        workers=tuple(worker["name"] for worker in content["workers"]),
        missing=tuple(worker["name"] for worker in content["workers"] if not worker["complete"]),
        seed=content.get("seed"),
        versions=tuple((content.get("versions") or {}).items()),
        phases=tuple(PhaseSpan(span["phase"], span["from"], span["to"]) for span in content.get("phases", ())),
        kinds=tuple((content.get("groups") or {}).items()),
        limits=Limits(
            **{name: math.inf if value is None else value for name, value in content.get("limits", {}).items()}
        ),
        finished=bool(content.get("finished", True)),
    )


def _verdict(slo: Mapping[str, Any]) -> Verdict:
    never = slo["observed"] is None and slo["samples"] > 0
    return Verdict(
        text=slo["text"],
        observed=math.inf if never else slo["observed"],
        error=slo["error"],
        outcome=slo["verdict"],
        samples=slo["samples"],
        unit=slo.get("unit", ""),
        limit=slo.get("limit"),
        action=slo.get("action", "fail"),
        where=slo.get("where", ""),
    )
