"""slo/watch.py: when an SLO ends a run early."""

import pytest
from test_slo_verdict import Given, read, run_of

from loadtest.slo import AbortWatch


def aborts_at(text: str, *seconds: list[float], phases: dict[str, list[int]] | None = None) -> int | None:
    """The second at which a run with these times is ended, looked at as each of its seconds becomes known."""
    watch = AbortWatch([read(text)])
    for last in range(len(seconds)):
        known = {name: [s for s in those if s <= last] for name, those in (phases or {}).items()}
        run = run_of(*seconds[: last + 1], **known)
        if watch.look(run, last) is not None:
            return last
    return None


GOOD, BAD, NONE = [0.01], [0.5], []


@pytest.mark.parametrize(
    ("text", "seconds", "at"),
    [
        # at once
        ("gap max < 100ms abort", [GOOD, GOOD, BAD, GOOD], 2),
        # everything so far: once breached, a maximum stays breached
        ("gap max < 100ms abort after 3s", [GOOD, BAD, GOOD, GOOD, GOOD], 3),
        # the latest window: good seconds begin the count anew
        ("gap max < 100ms for 1s abort after 2s", [BAD, GOOD, BAD, GOOD, BAD, BAD], 5),
        ("gap max < 100ms for 2s abort after 2s", [GOOD, BAD, GOOD, GOOD], 2),
        # a second in which nobody can tell breaks the count as well
        ("gap max < 100ms for 1s abort after 2s", [BAD, NONE, BAD, NONE], None),
        # no window is complete yet
        ("gap max < 100ms for 3s abort", [BAD, BAD], None),
        # others never end a run
        ("gap max < 100ms", [BAD] * 9, None),
        ("gap max < 100ms warn", [BAD] * 9, None),
        ("gap max < 100ms abort after 10s", [BAD] * 9, None),
    ],
)
def test_a_run_ends_when_an_slo_was_breached_long_enough(text: str, seconds: list[list[float]], at: int | None) -> None:
    assert aborts_at(text, *seconds) == at


def test_only_windows_inside_the_phase_count() -> None:
    text = "gap max < 100ms for 2s during plateau abort"
    assert aborts_at(text, BAD, BAD, BAD, GOOD, phases={"plateau": [2, 3]}) == 3
    assert aborts_at(text, BAD, BAD, GOOD, GOOD, phases={"plateau": [2, 3]}) is None


def test_an_abort_says_what_was_breached_and_for_how_long() -> None:
    watch = AbortWatch([read("lost <= 0 abort after 2s"), read("errors < 50% abort")])
    run = Given(counters={"lost": 7, "messages": 10, "sequenced": 10}, errors=(0.1, 10))
    assert watch.look(run, 4) is None
    assert str(watch.look(run, 5)) == "lost <= 0 abort after 2s: breached for 2 s (observed 7)"
    errors = Given(errors=(0.6, 10))
    assert str(watch.look(errors, 6)) == "errors < 50% abort: breached once (observed 60%)"


def test_a_time_is_not_judged_before_the_plateau_that_it_is_judged_by() -> None:
    run = run_of([0.5], [0.5], [0.01])
    assert AbortWatch([read("gap max < 100ms abort")], plateau=True).look(run, 2) is None
    assert AbortWatch([read("gap max < 100ms abort")]).look(run, 2) is not None
