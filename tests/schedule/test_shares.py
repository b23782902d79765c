from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.schedule import Part, apportion
from loadtest.schedule.shares import split

weights = st.lists(st.integers(0, 1000), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("total", "shares", "expected"),
    [
        (800, [3, 5], [300, 500]),  # whole quotas are met exactly
        (10, [1, 1, 1], [4, 3, 3]),  # equal claims: the earlier group first
        (1, [3, 5], [0, 1]),  # the first user goes to the largest
        (2, [3, 5], [1, 1]),
        (7, [0, 5], [0, 7]),  # no weight, no users
        (5, [0, 0], [0, 0]),  # nobody has a claim
        (0, [3, 5], [0, 0]),
        (-1, [3, 5], [0, 0]),
        (100, [Fraction(1, 3), Fraction(2, 3)], [33, 67]),
        # by hand for 53 : 24 : 23 and 10 seats: 5.3, 2.4 and 2.3 round to 9, and the tenth goes to the highest of
        # 53/11 = 4.82, 24/5 = 4.8 and 23/5 = 4.6
        (10, [53, 24, 23], [6, 2, 2]),
        # 3.6, 3.6 and 0.8 round to 4, 4, 1 of 8: one goes back, from the lowest of 36/7, 36/7 (the later) and 8/1
        (8, [36, 36, 8], [4, 3, 1]),
    ],
)
def test_a_total_is_divided_by_websters_rule(total: int, shares: list[int | Fraction], expected: list[int]) -> None:
    assert apportion(total, shares) == expected


@settings(deadline=None)
@given(st.integers(0, 60_000), weights)
def test_nobody_is_lost_or_invented(total: int, shares: list[int]) -> None:
    assert sum(apportion(total, shares)) == (total if any(shares) else 0)


@settings(deadline=None)
@given(st.integers(0, 2000), weights)
def test_one_user_more_takes_none_away_from_any_group(total: int, shares: list[int]) -> None:
    before, after = apportion(total, shares), apportion(total + 1, shares)
    assert all(more >= less for less, more in zip(before, after, strict=True))


@settings(deadline=None)
@given(st.integers(1, 50), st.lists(st.integers(1, 100), min_size=2, max_size=5))
def test_the_division_is_the_one_that_seats_one_user_after_the_other(total: int, shares: list[int]) -> None:
    seats = [0] * len(shares)
    for _ in range(total):  # Webster's rule as it is defined: the next seat goes to the largest weight / (2 seats + 1)
        best = max(range(len(shares)), key=lambda i: (Fraction(shares[i], 2 * seats[i] + 1), -i))
        seats[best] += 1
    assert apportion(total, shares) == seats


@pytest.mark.parametrize(
    ("total", "parts", "peak", "expected"),
    [
        (100, [Part(30), Part(share=1), Part(share=1)], 100, [30, 35, 35]),  # counts as given, the rest by share
        (10, [Part(5), Part(share=5), Part(share=5)], 10, [5, 3, 2]),  # counts stay exact where shares don't divide
        (1000, [Part(30), Part(share=1), Part(share=1)], 100, [300, 350, 350]),  # rescaled: counts grow alike
        (1, [Part(2), Part(share=3)], 10, [0, 1]),  # too few for everybody
        (50, [Part(60), Part(40)], 100, [30, 20]),  # counts alone
        (0, [Part(), Part()], 0, [0, 0]),  # nobody at all
    ],
)
def test_counts_come_before_shares(total: int, parts: list[Part], peak: int, expected: list[int]) -> None:
    assert split(total, parts, peak) == expected
