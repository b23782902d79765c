"""benchmarks/soak.py: what it says of a run, and that it finds each thing that is wrong. No run, no process."""

import random
from typing import Any

import pytest

from benchmarks.soak import LEFT, LONG_LIMIT, Watched, limit, report

HOUR = 3600.0
EVERY = 20.0


def watched(name: str, slope: float, noise: float = 0.05, seconds: float = HOUR) -> Watched:
    """A process that grows by `slope` MB an hour."""
    chance = random.Random(name)
    moments = [number * EVERY for number in range(int(seconds / EVERY))]
    return Watched(name, 0, [(at, 100 + slope * at / HOUR + chance.uniform(-noise, noise)) for at in moments])


def summary(**changes: Any) -> dict[str, Any]:
    good = {
        "ledger": {"subscribers": {"open": 0, "pending": 0}},
        "workers": [{"name": name, "seconds": int(HOUR), "messages": 1000} for name in ("worker 1", "worker 2")],
        "errors": [{"name": f"HTTP {number}", "count": 3} for number in range(100)],
    }
    return good | changes


SPARE = [4] * 180
"""Descriptors beyond connections, at each look."""


def judge(*processes: Watched, spare: list[int] = SPARE, seconds: float = HOUR, **changes: Any) -> int:
    return report(list(processes), spare, summary(**changes), seconds, kept=5.0)


def test_a_run_that_is_flat_passes_and_the_masters_timeline_is_allowed_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert judge(watched("master", 5.0 + LONG_LIMIT - 1), watched("worker 1", 0.0)) == 0
    assert capsys.readouterr().out.endswith("flat\n")


@pytest.mark.parametrize(
    ("processes", "changes", "told"),
    [
        ((watched("master", 5.0 + LONG_LIMIT + 1),), {}, "master grows by 12.0 MB an hour"),
        ((watched("worker 1", LONG_LIMIT + 1),), {}, "worker 1 grows by 7.0 MB an hour"),
        ((watched("worker 1", 0.0, noise=300.0),), {}, "worker 1 can't be judged"),
        ((watched("worker 1", 0.0, seconds=60.0),), {}, "worker 1 can't be judged"),
        ((), {"spare": [4] * 120 + [4 + LEFT + 1] * 60}, "5 descriptors are left"),
        ((), {"spare": []}, "descriptors are left"),
        ((), {"ledger": {"g": {"open": 1, "pending": 0}}}, "not accounted for: g"),
        ((), {"ledger": {"g": {"open": 0, "pending": 2}}}, "not accounted for: g"),
        ((), {"workers": [{"name": "w", "seconds": 3000, "messages": 1}]}, "w has 3000 Records of 3600 s"),
        ((), {"workers": []}, "no result"),
        ((), {"errors": [{"name": "HTTP 500", "count": 10**6}]}, "too few different errors"),
    ],
)
def test_each_thing_that_is_wrong_fails_it_and_is_named(
    processes: tuple[Watched, ...], changes: dict[str, Any], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(*processes, **changes) == 1
    assert told in capsys.readouterr().out


def test_a_step_and_a_moment_of_garbage_are_no_growth() -> None:
    stepped = watched("worker 1", 0.0)
    middle = len(stepped.memory) // 3 + 5
    stepped.memory = [(at, size + (20.0 if n < middle else 25.0)) for n, (at, size) in enumerate(stepped.memory)]
    stepped.memory[-1] = (stepped.memory[-1][0], 400.0)
    assert judge(stepped) == 0


def test_a_short_run_may_grow_by_more_and_no_run_by_less_than_can_be_told() -> None:
    assert limit(60.0) == limit(600.0) > limit(1200.0) > limit(24 * HOUR) == LONG_LIMIT
