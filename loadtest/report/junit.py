"""Verdicts as JUnit XML, which pipelines show: a suite for the run, a case for the run itself and for each SLO."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree as ET

from loadtest.report.facts import RunFacts
from loadtest.slo import Verdict

__all__ = ["to_junit"]

UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, not even escaped (XML 1.0, 2.2)."""


def to_junit(facts: RunFacts) -> str:
    """The document, by the schema of Maven Surefire's reports, which Jenkins, GitLab and GitHub's reporters read.

    Breached SLOs are failures, those without data errors, those that only warn skipped, with what they would have
    been. The case `run` carries what is wrong with the run as a whole: it is invalid, was interrupted, had no target.
    """
    cases = [_run_case(facts), *(_slo_case(verdict, facts) for verdict in facts.slos)]
    counts = {tag: str(sum(case.find(kind) is not None for case in cases)) for tag, kind in _COUNTED.items()}
    attributes = {"name": _plain(facts.profile or "locustfile"), "tests": str(len(cases)), **counts}
    time = f"{facts.duration_s:.3f}"
    suite = ET.Element("testsuite", {**attributes, "time": time, "timestamp": facts.started_at[:19]})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(facts):
        ET.SubElement(properties, "property", {"name": name, "value": _plain(value)})
    suite.extend(cases)
    ET.SubElement(suite, "system-out").text = _plain("".join(f"{verdict}\n" for verdict in facts.slos))
    root = ET.Element("testsuites", {**attributes, "time": time})
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


_COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def _properties(facts: RunFacts) -> Iterator[tuple[str, str]]:
    yield "run_id", facts.run_id
    yield "verdict", facts.verdict.name
    yield "targets", ", ".join(facts.targets)
    yield "workers", str(len(facts.workers))


def _case(name: str, facts: RunFacts) -> ET.Element:
    classname = f"loadtest.{facts.profile or 'locustfile'}"
    return ET.Element("testcase", {"classname": _plain(classname), "name": _plain(name), "time": "0.000"})


def _run_case(facts: RunFacts) -> ET.Element:
    case = _case("run", facts)
    case.set("time", f"{facts.duration_s:.3f}")
    judged = any(verdict.outcome != "pass" and not verdict.warns for verdict in facts.slos)
    if facts.verdict.name != "pass" and not (judged and facts.verdict.name in ("fail", "no-data")):
        kind = "failure" if facts.verdict.name == "fail" else "error"
        ET.SubElement(case, kind, {"type": facts.verdict.name, "message": _plain(facts.verdict.why)})
    return case


def _slo_case(verdict: Verdict, facts: RunFacts) -> ET.Element:
    case = _case(verdict.text, facts)
    told = {"message": _plain(f"observed {verdict.figure}")}
    if verdict.outcome != "pass" and verdict.warns:
        ET.SubElement(case, "skipped", told | {"message": _plain(f"warning: observed {verdict.figure}")})
    elif verdict.outcome != "pass":
        kind = "failure" if verdict.outcome == "fail" else "error"
        ET.SubElement(case, kind, {"type": verdict.outcome, **told}).text = _plain(str(verdict))
    return case


def _plain(text: str) -> str:
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
