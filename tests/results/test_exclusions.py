"""results/exclusions.py: which worker-seconds are left out, and how many on end."""

import random

import pytest

from loadtest.results.exclusions import Exclusion, Exclusions


def noted(*seconds: tuple[str, int, dict[str, float]]) -> Exclusions:
    exclusions = Exclusions()
    for worker, second, over in seconds:
        exclusions.note(worker, second, over, over.get("lag", 0.0))
    return exclusions


SLOW = [("w1", second, {"lag": 0.3} if second in (2, 3, 4, 7) else {}) for second in range(10)]
FINE: list[tuple[str, int, dict[str, float]]] = [("w2", second, {}) for second in range(10)]


def test_worker_seconds_are_counted_within_the_seconds_asked_for() -> None:
    exclusions = noted(*SLOW, *FINE)
    assert exclusions.counted(range(10)) == (4, 20)
    assert exclusions.counted(range(4, 8)) == (2, 8)
    assert exclusions.counted([]) == (0, 0)


def test_the_longest_stretch_is_that_of_one_worker() -> None:
    other = [("w2", second, {"cpu": 1.0} if second in (5, 6) else {}) for second in range(10)]
    exclusions = noted(*SLOW, *other)  # together they are out from 2 to 7
    assert exclusions.longest(range(10)) == (3, "w1")
    assert exclusions.longest(range(4, 10)) == (2, "w2")
    assert exclusions.longest(range(8, 10)) == (0, "")


def test_the_seconds_that_a_hub_stood_still_are_left_out_though_nobody_told_of_them() -> None:
    exclusions = noted(("w1", 3, {}), ("w1", 16, {"lag": 12.4}), ("w1", 17, {}))
    assert exclusions.longest(range(20)) == (12, "w1")  # 5 to 16
    assert exclusions.counted(range(20)) == (12, 14)
    assert exclusions.workers(5) == ["w1"]
    assert exclusions.workers(4) == []


def test_a_record_cannot_speak_for_more_than_an_hour() -> None:
    assert noted(("w1", 10_000, {"lag": 1e18})).counted(range(10_001)) == (3600, 3600)


def test_each_limit_of_a_worker_is_told_with_its_worst() -> None:
    exclusions = noted(("w1", 1, {"lag": 0.3}), ("w1", 2, {"lag": 0.4, "cpu": 1.0}), ("w2", 2, {"lag": 0.2}))
    assert exclusions.by_limit(range(5)) == [
        Exclusion("w1", "lag", 2, 0.4),
        Exclusion("w1", "cpu", 1, 1.0),
        Exclusion("w2", "lag", 1, 0.2),
    ]


@pytest.mark.parametrize("seed", range(5))
def test_the_order_in_which_they_are_noted_does_not_matter(seed: int) -> None:
    notes = [*SLOW, *FINE, ("w2", 9, {"lag": 5.2}), ("w2", 9, {"cpu": 1.0})]
    shuffled = random.Random(seed).sample(notes, len(notes))
    assert noted(*shuffled) == noted(*notes)
