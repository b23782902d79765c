"""verdict.py: what keeps a run from being judged comes before what it is judged by."""

import msgspec
import pytest

from loadtest.errors import ExitCode
from loadtest.results import Record, Summary
from loadtest.slo import Verdict
from loadtest.verdict import Ending, decide


def summary_with(**counters: int) -> Summary:
    summary = Summary("r1")
    record = Record("r1", "w1", 0, 0, 0, [], {}, {}, {}, {}, final=True)
    summary.add(msgspec.structs.replace(record, counters={"g": counters}))
    return summary


CLEAN = {"connects": 2, "connected": 2, "closed_by_us": 2, "messages": 5}
HELD = Verdict("errors < 1%", 0.0, None, "pass", 5)
BREACHED = Verdict("rest response p95 < 200ms", 0.5, None, "fail", 5)
UNKNOWN = Verdict("delivery p99 < 100ms", None, None, "no-data", 0)


@pytest.mark.parametrize(
    ("ending", "slos", "counters", "name", "code"),
    [
        (Ending(), [HELD], CLEAN, "pass", ExitCode.PASS),
        (Ending(), [HELD, BREACHED], CLEAN, "fail", ExitCode.FAIL),
        (Ending(), [HELD, UNKNOWN], CLEAN, "no-data", ExitCode.INVALID),  # no samples is not passed
        (Ending(), [BREACHED, UNKNOWN], CLEAN, "fail", ExitCode.FAIL),  # a breach is certain
        (Ending(), [], CLEAN, "pass", ExitCode.PASS),  # nothing asked, something measured
        (Ending(), [], {}, "no-data", ExitCode.INVALID),  # nothing measured
        (Ending(missing=("w1",)), [HELD], CLEAN, "invalid", ExitCode.INVALID),  # whatever the SLOs say
        (Ending(missing=("w1",)), [BREACHED], CLEAN, "invalid", ExitCode.INVALID),
        (Ending(interrupted=True), [BREACHED], CLEAN, "interrupted", ExitCode.INTERRUPTED),
        (Ending(no_workers=True), [], {}, "error", ExitCode.NO_TARGET),
        (Ending(), [BREACHED], {"connects": 3, "connects_failed": 3, "unreachable": 3}, "error", ExitCode.NO_TARGET),
        (Ending(), [BREACHED], {"connects": 3, "connects_failed": 3}, "fail", ExitCode.FAIL),  # it answered: refused
        (Ending(), [HELD], {**CLEAN, "connects": 3}, "invalid", ExitCode.INVALID),  # one attempt unaccounted for
        (Ending(), [HELD], {**CLEAN, "closed_by_us": 1}, "invalid", ExitCode.INVALID),  # one connection left open
    ],
)
def test_one_verdict(ending: Ending, slos: list[Verdict], counters: dict[str, int], name: str, code: ExitCode) -> None:
    verdict = decide(ending, slos, summary_with(**counters))
    assert (verdict.name, verdict.exit_code) == (name, code)


def test_the_reason_names_the_slo_that_was_breached() -> None:
    assert (
        decide(Ending(), [HELD, BREACHED], summary_with(**CLEAN)).why
        == "1 of 2 SLOs breached: rest response p95 < 200ms"
    )
