"""fanout/occurrences.py: which observations of one payload are of the same broadcast."""

import pytest

from loadtest.fanout.occurrences import CHUNK, Place, _spacing, arrange
from loadtest.fanout.reports import Heard


def heard(worker: str, *seconds: float) -> list[tuple[str, Heard]]:
    """A worker got the payload at these moments."""
    firsts = [round(at * 1e6) for at in seconds]
    return [
        (worker, Heard(n, sequence=False, digest=7, first=first, last=first, got=1, again=n > 0, more=False))
        for n, first in enumerate(firsts)
    ]


def laid(places: list[Place]) -> list[str]:
    """Such as "a0b1": the first of worker a beside the second of worker b."""
    return ["".join(sorted(f"{worker}{each.number}" for worker, each in place.heard)) for place in places]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((1, 2, 3), (1.1, 2.1, 3.1), ["a0b0", "a1b1", "a2b2"]),
        ((1, 2, 3), (1.1, 3.1), ["a0b0", "a1", "a2b1"]),  # b missed the second
        ((1, 2, 3), (2.1, 3.1), ["a0", "a1b0", "a2b1"]),  # b came when the first was over
        ((1, 2, 4), (1, 3, 4), ["a0b0", "a1", "b1", "a2b2"]),  # each missed one of four
        (
            (1, 2, 3, 4, 5),
            (1, 3.9, 3.9, 3.9, 5),
            ["a0b0", "a1b1", "a2b2", "a3b3", "a4b4"],
        ),  # b stood still and caught up
        ((1, 2, 3, 4, 5), (1, 3.95, 3.95, 5), ["a0b0", "a1", "a2b1", "a3b2", "a4b3"]),  # … and missed one meanwhile
        ((1,), (29,), ["a0b0"]),  # it came once, so it is late
        ((1,), (32,), ["a0", "b0"]),  # past what is waited for
        ((1, 21), (21.2,), ["a0", "a1b0"]),  # it came twice
        (
            (1, 1.001, 3, 3.001),
            (1.01, 1.011, 3.01, 3.011),
            ["a0b0", "a1b1", "a2b2", "a3b3"],
        ),  # a server that sends twice
    ],
)
def test_what_lies_nearest_in_order_is_one_broadcast(
    a: tuple[float, ...], b: tuple[float, ...], expected: list[str]
) -> None:
    assert laid(arrange([], heard("a", *a) + heard("b", *b))) == expected
    assert laid(arrange([], heard("b", *b) + heard("a", *a))) == expected


def test_what_comes_late_joins_what_is_known_unless_the_worker_had_it() -> None:
    known = [Place(1_000_000, 0, {"a", "b"}), Place(2_000_000, 1, {"a"})]
    places = arrange(known, heard("a", 3.0) + heard("b", 2.9, 2.95))
    assert [(place.number, laid([place])) for place in places] == [(0, [""]), (1, ["b0"]), (None, ["a0b1"])]


@pytest.mark.parametrize(("had", "late"), [("a", "b"), ("b", "a")])
def test_a_payload_that_one_worker_got_before_is_not_the_late_one_of_the_other(had: str, late: str) -> None:
    places = arrange([Place(1_000_000, 0, {had})], heard(late, 21.2) + heard(had, 21.0))
    assert laid(places) == ["", "a0b0"]


def test_what_came_at_once_and_others_have_not_told_of_yet_moves_nothing_before_it() -> None:
    """Worker b stood still and read four at once, the last of which a tells of a second later."""
    a, b = heard("a", 1, 2, 3, 4), heard("b", 1, 5.001, 5.001, 5.001, 5.001)
    assert laid(arrange([], a + b, 4_500_000))[:1] == ["a0b0"]
    assert laid(arrange([], a + heard("a", 1, 2, 3, 4, 5)[4:] + b, 6_500_000)) == [f"a{n}b{n}" for n in range(5)]


def test_more_than_are_fitted_at_a_time_keep_their_order() -> None:
    times = [n * 0.5 for n in range(3 * CHUNK)]
    late = [at if at < 10 else max(at, 24.0) for at in times]
    assert laid(arrange([], heard("a", *times) + heard("b", *late))) == [f"a{n}b{n}" for n in range(len(times))]


def test_what_comes_very_often_is_fitted_to_what_is_near_and_not_to_all_of_the_last_30_s() -> None:
    times = [n * 0.01 for n in range(3 * CHUNK)]
    a, b = heard("a", *times), heard("b", *times)
    assert _spacing([], {"a": [each for _, each in a], "b": [each for _, each in b]}) < 0.1e6
    assert laid(arrange([], a + b)) == [f"a{n}b{n}" for n in range(len(times))]
