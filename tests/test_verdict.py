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
    summary.add(msgspec.structs.replace(record, counters={"g": counters}, endings={"g": causes_of(counters)}))
    return summary


def causes_of(counters: dict[str, int]) -> dict[str, int]:
    """A cause for every connection of the ledger that failed or ended."""
    causes = {"connects_failed": "failed: refused", "closed_by_us": "closed by us: 1000"}
    causes |= {"closed_by_server": "closed by server: 1001", "closed_by_network": "closed by network: reset"}
    return {cause: counters[name] for name, cause in causes.items() if name in counters}


CLEAN = {"connects": 2, "connected": 2, "closed_by_us": 2, "messages": 5}
HELD = Verdict("errors < 1%", 0.0, None, "pass", 5)
BREACHED = Verdict("rest response p95 < 200ms", 0.5, None, "fail", 5)
WARNED = Verdict("errors < 1% warn", 0.5, None, "fail", 5, action="warn")
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
        (Ending(), [HELD, WARNED], CLEAN, "pass", ExitCode.PASS),  # a warning is only told
        (Ending(), [WARNED], CLEAN, "pass", ExitCode.PASS),
        (Ending(aborted="after 42s: errors < 50%"), [HELD], CLEAN, "fail", ExitCode.FAIL),  # whatever came of it later
        (Ending(aborted="after 42s: x", missing=("w1",)), [HELD], CLEAN, "invalid", ExitCode.INVALID),
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


@pytest.mark.parametrize(
    ("endings", "why"),
    [
        ({}, "g: 2 closed by us, but causes of 0"),
        ({"closed by us: 1000": 1}, "g: 2 closed by us, but causes of 1"),
        ({"closed by us: 1000": 2, "failed (ours): EMFILE": 1}, "g: 0 failed, but causes of 1"),
        (
            {"closed by us: 1000": 1, "closed by server: 1001": 1},
            "g: 2 closed by us, but causes of 1; g: 0 closed by server, but causes of 1",
        ),
    ],
)
def test_a_run_whose_causes_do_not_add_up_to_its_ledger_is_invalid(endings: dict[str, int], why: str) -> None:
    summary = Summary("r1")
    record = Record("r1", "w1", 0, 0, 0, [], {"g": CLEAN}, {}, {}, {}, final=True, endings={"g": endings})
    summary.add(record)
    verdict = decide(Ending(), [HELD], summary)
    assert (verdict.name, verdict.why) == ("invalid", f"the causes in the connection ledger do not add up: {why}")


def test_the_reason_names_the_slo_that_was_breached() -> None:
    assert (
        decide(Ending(), [HELD, BREACHED], summary_with(**CLEAN)).why
        == "1 of 2 SLOs breached: rest response p95 < 200ms"
    )


def test_a_warning_stands_in_the_reason_and_does_not_count() -> None:
    why = decide(Ending(), [HELD, HELD, WARNED], summary_with(**CLEAN)).why
    assert why == "all 2 SLOs held; 1 warning(s): errors < 1% warn"


def test_a_run_that_an_slo_ended_says_so() -> None:
    why = decide(Ending(aborted="after 42s of 2m00s: errors < 50%"), [BREACHED], summary_with(**CLEAN)).why
    assert why == "aborted after 42s of 2m00s: errors < 50%"


def run_with_lag(
    *late: int, workers: int = 2, seconds: int = 40, plateau: tuple[float, float] = (0.0, 40.0)
) -> Summary:
    """The first of the workers was late in these seconds."""
    summary = Summary("r1")
    begin, end = plateau
    summary.follow(lambda t: "ramp-up" if t < begin else "plateau" if t < end else "ramp-down", float(seconds))
    for worker in range(workers):
        for second in range(seconds):
            health = {"lag_max": 0.25 + second / 100 if worker == 0 and second in late else 0.001}
            record = Record(
                "r1", f"w{worker + 1}", 0, second, second, [], {}, {}, {}, health, final=second == seconds - 1
            )
            first = second == worker == 0
            counters, endings = ({"g": CLEAN}, {"g": causes_of(CLEAN)}) if first else ({}, {})
            summary.add(msgspec.structs.replace(record, counters=counters, endings=endings))
    return summary


@pytest.mark.parametrize(
    ("summary", "name"),
    [
        (run_with_lag(), "pass"),
        (run_with_lag(3, 9, 20, 31), "pass"),  # 4 of 80: 5 %
        (run_with_lag(3, 9, 20, 31, 35), "invalid"),  # 6.25 %
        (run_with_lag(*range(9), workers=5), "pass"),  # 9 of 200, 9 on end
        (run_with_lag(*range(10), workers=5), "invalid"),  # 5 %, but 10 on end
        (run_with_lag(0, 1, 2, 3, 4, 5, plateau=(6.0, 40.0)), "pass"),  # while users came
        (run_with_lag(1, seconds=2, plateau=(0.0, 2.0)), "pass"),  # a single one, a quarter of all
        (run_with_lag(0, 1, seconds=2, plateau=(0.0, 2.0)), "invalid"),
        (run_with_lag(*range(6), plateau=(40.0, 40.0)), "invalid"),  # no plateau: all of it counts, 7.5 %
    ],
)
def test_a_run_whose_generator_was_over_its_limits_too_long_is_invalid(summary: Summary, name: str) -> None:
    assert decide(Ending(), [HELD], summary).name == name


@pytest.mark.parametrize("slos", [[HELD], [BREACHED], [UNKNOWN]])
def test_invalid_wins_over_whatever_the_slos_say(slos: list[Verdict]) -> None:
    verdict = decide(Ending(), slos, run_with_lag(*range(20)))
    assert (verdict.name, verdict.exit_code) == ("invalid", ExitCode.INVALID)


def test_the_reason_names_the_worker_the_limit_the_value_and_the_remedy() -> None:
    assert decide(Ending(), [HELD], run_with_lag(*range(20))).why == (
        "the load generator could not be trusted in 20 of 80 worker-seconds (20 s on end): w1 was late in its event"
        " loop for 20 s, at worst 440 ms where limits.lag is 100 ms; use more workers or fewer users, or raise"
        " the limit"
    )
