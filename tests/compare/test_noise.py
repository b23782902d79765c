"""compare/noise.py: what is noise and what is a change."""

import math
import random

import pytest

from loadtest.compare.noise import LEAST, Estimate, change, estimate


def correlated(draw: random.Random, seconds: int, mean: float, spread: float, memory: float) -> list[float]:
    """Seconds of which each keeps a share of what was off in the one before (an AR(1) process)."""
    off, values = 0.0, []
    for _ in range(seconds):
        off = memory * off + draw.gauss(0, spread) * math.sqrt(1 - memory**2)
        values.append(mean + off)
    return values


def test_the_mean_and_its_error_of_independent_seconds_are_those_of_the_textbook() -> None:
    draw = random.Random(1)
    found = estimate([draw.gauss(50, 10) for _ in range(2500)])
    assert found is not None
    assert found.mean == pytest.approx(50, abs=1)
    assert found.error == pytest.approx(10 / math.sqrt(2500), rel=0.25)


def test_seconds_that_resemble_each_other_prove_less() -> None:
    # the mean of an AR(1) process has (1 + r) / (1 - r) times the variance of independent values
    found = estimate(correlated(random.Random(2), 5000, 50, 10, 0.8))
    assert found is not None
    assert found.error == pytest.approx(10 / math.sqrt(5000) * math.sqrt(1.8 / 0.2), rel=0.25)


def test_with_too_few_seconds_there_is_no_estimate() -> None:
    assert estimate([1.0] * (LEAST - 1)) is None
    assert estimate([1.0] * LEAST) == Estimate(1.0, 0.0, LEAST)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_interval_holds_the_truth_as_often_as_it_says(memory: float) -> None:
    draw = random.Random(3)
    misses = 0
    for _ in range(400):
        pair = [estimate(correlated(draw, 120, 50, 10, memory)) for _ in "ab"]
        assert pair[0] is not None
        assert pair[1] is not None
        found = change(pair[0], pair[1], 0.95)
        misses += not found.low <= 0.0 <= found.high
    assert misses <= 0.15 * 400  # 5 % nominally; errors of correlated seconds are estimated a little low


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        (Estimate(50, 0, 100), Estimate(60, 0, 100), 0.2),
        (Estimate(50, 0, 100), Estimate(40, 0, 100), -0.2),
        (Estimate(0, 0, 100), Estimate(0, 0, 100), 0.0),  # nothing then, nothing now
        (Estimate(0, 0, 100), Estimate(1, 0, 100), math.inf),
    ],
)
def test_a_change_is_a_share_of_the_first(first: Estimate, second: Estimate, share: float) -> None:
    found = change(first, second, 0.99)
    assert (found.share, found.low, found.high) == (pytest.approx(share), pytest.approx(share), pytest.approx(share))


def test_slack_widens_the_interval_and_not_the_change() -> None:
    found = change(Estimate(50, 0, 100), Estimate(60, 0, 100), 0.99, slack=5)
    assert (found.share, found.low, found.high) == pytest.approx((0.2, 0.1, 0.3))


def test_the_quantile_is_students() -> None:
    # t(0.975) with 10 degrees of freedom is 2.2281; 25 seconds have 25/6·2 = 8.33, whose t is 2.29
    found = change(Estimate(100, 1, 25), Estimate(100, 0, 10_000), 0.95)
    assert found.high * 100 == pytest.approx(2.29, abs=0.01)
