"""results/per_second.py: numbers and marks of seconds, in whatever order they come."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loadtest.results.per_second import Marks, PerSecond

ADDED = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 1_000)))


@given(ADDED)
def test_the_peak_is_that_of_the_sums_of_the_seconds(added: list[tuple[int, int]]) -> None:
    sums, plain = PerSecond(), Counter[int]()
    for second, more in added:
        sums.add(second, more)
        plain[second] += more
    assert sums.peak == max(plain.values(), default=0)


def test_a_count_that_nobody_can_have_counted_is_held_at_the_most_that_fits() -> None:
    sums = PerSecond()
    sums.add(3, 2**80)
    sums.add(3, 1)
    assert sums.peak == 2**64 - 1


@given(ADDED, st.sets(st.integers(0, 2_000)))
def test_marks_are_a_set_of_seconds(added: list[tuple[int, int]], asked: set[int]) -> None:
    marks, plain = Marks(), set[int]()
    for first, length in added:
        marks.update(range(first, first + length))
        plain.update(range(first, first + length))
    assert marks.count(asked) == len(asked & plain)
