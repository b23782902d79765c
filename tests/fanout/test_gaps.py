"""fanout/gaps.py: what is passed over comes late or is lost, each number once."""

import pytest

from loadtest.fanout.gaps import MAX_RANGES, Gaps


def given_up(gaps: Gaps, before: float) -> list[tuple[int, int]]:
    lost: list[tuple[int, int]] = []
    gaps.give_up(before, lambda low, high: lost.append((low, high)))
    return lost


@pytest.mark.parametrize(
    ("late", "left"),
    [
        (5, [6, 9]),  # the first of a range
        (9, [5, 8]),  # its last
        (7, [5, 6, 8, 9]),  # one in the middle leaves two ranges
    ],
)
def test_a_number_that_comes_late_is_missing_no_more(late: int, left: list[int]) -> None:
    gaps = Gaps()
    gaps.skip(5, 9, 0.0)
    assert gaps.fill(late)
    assert gaps.spans() == left
    assert not gaps.fill(late)
    assert gaps.missing == 4


def test_what_was_passed_over_long_ago_is_lost_once_and_remembered_for_a_while() -> None:
    gaps = Gaps()
    gaps.skip(1, 2, 10.0)
    gaps.skip(7, 7, 20.0)
    assert given_up(gaps, 15.0) == [(1, 2)]
    assert given_up(gaps, 15.0) == []
    assert gaps.missing == 1
    assert 2 in gaps
    gaps.forget(15.0)
    assert 2 not in gaps
    assert given_up(gaps, float("inf")) == [(7, 7)]


def test_a_million_gaps_take_no_memory_and_every_one_is_lost_once() -> None:
    gaps = Gaps()
    lost = 0
    for number in range(0, 2000, 2):
        gaps.skip(number, number, 0.0)
        lost += len(given_up(gaps, -1.0))
    assert len(gaps.spans()) == 2 * MAX_RANGES
    assert lost + len(given_up(gaps, 1.0)) == 1000
