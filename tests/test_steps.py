"""steps.py: in which steps a clock tells time."""

import math
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.steps import ENOUGH, FEWEST, Steps, step_of

EPOCH = 1_764_000_000.0


@pytest.mark.parametrize(
    ("times", "step"),
    [
        ([0.123456, 0.623457], 0.0),  # microseconds
        ([0.123, 0.456], 1e-3),
        ([0.12, 0.45], 0.01),
        ([0.1, 0.4], 0.1),
        ([0.0, 1.0], 1.0),
        ([0.0, 0.123], 1e-3),  # the finest of them counts
        ([0.0, 0.123456], 0.0),  # a whole second by chance, which the next shows
        ([0.0002, 1.0003, 2.0001], 0.0),  # a fine clock that is looked at each second, nearly to the moment
    ],
)
def test_the_step_of_a_coarse_clock_is_seen(times: list[float], step: float) -> None:
    assert step_of([EPOCH + time for time in times]) == step
    steps = Steps()
    for time in times * FEWEST:
        steps.add(EPOCH + time)
    assert steps.step == step


@given(
    start=st.integers(0, 4_000_000_000), step=st.sampled_from([1.0, 0.1, 0.01, 0.001]), unit=st.sampled_from([1, 1000])
)
def test_every_time_of_a_coarse_clock_is_a_multiple_of_its_step(start: int, step: float, unit: int) -> None:
    """However it is written: in seconds, or in milliseconds that become seconds."""
    times = [(start + number * step) * unit / unit for number in range(FEWEST)]
    assert step_of(times) >= step


def test_a_few_times_tell_nothing_yet_and_one_that_comes_again_counts_once() -> None:
    steps = Steps()
    for second in range(FEWEST - 1):
        for _ in range(10):
            steps.add(EPOCH + second)
    assert steps.step == 0.0
    steps.add(EPOCH + FEWEST)
    assert steps.step == 1.0


def test_it_is_known_at_the_first_fine_time_or_after_enough_coarse_ones() -> None:
    fine, coarse = Steps(), Steps()
    fine.add(EPOCH + 0.123456)
    assert (fine.known, fine.step) == (True, 0.0)
    for second in range(ENOUGH):
        assert not coarse.known
        coarse.add(EPOCH + second)
    assert (coarse.known, coarse.step) == (True, 1.0)


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan, 1e308])
def test_what_is_no_time_does_no_harm(odd: float) -> None:
    steps = Steps()
    for time in (odd, *islice(range(100), FEWEST)):
        steps.add(time)
    assert steps.step in (0.0, 1.0)
