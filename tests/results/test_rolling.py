"""results/rolling.py: sums over a sliding window."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.results.rolling import rolling


@given(st.lists(st.text("abc", max_size=2)), st.integers(1, 9))
def test_each_window_is_summed_in_order(items: list[str], length: int) -> None:
    expected = ["".join(items[start : start + length]) for start in range(len(items) - length + 1)]
    assert list(rolling(items, length, lambda a, b: a + b)) == expected


@pytest.mark.parametrize("length", [2, 10, 300])
def test_a_long_window_costs_no_more_additions_than_a_short_one(length: int) -> None:
    additions = 0

    def add(a: int, b: int) -> int:
        nonlocal additions
        additions += 1
        return a + b

    assert sum(1 for _ in rolling(range(1000), length, add)) == 1001 - length
    assert additions <= 3 * 1000
