"""How far two series of seconds differ, with the noise of both: the mean of each, its error, and the change's interval.

Seconds that follow each other resemble each other: a stall lasts for several of them. Taken as independent, they would
make every difference look certain. The error of a mean is therefore that of Newey and West (1987), which adds the
covariances of neighbouring seconds, with Bartlett weights over ⌊√n⌋ lags.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean

__all__ = ["LEAST", "Change", "Estimate", "change", "estimate"]

LEAST = 8
"""Seconds that a series must have: with fewer, nothing can be said of its noise."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over `seconds` values, and the standard error of it, in the values' unit."""

    mean: float
    error: float
    seconds: int

    @property
    def independent(self) -> float:
        """How many stretches of the series can be taken as independent: its degrees of freedom."""
        return max(2.0, self.seconds / (1 + math.isqrt(self.seconds)) * 2)


@dataclass(frozen=True, slots=True)
class Change:
    """From a first mean to a second, as a share of the first: 0.2 is 20 % more. `low` to `high` is its interval."""

    share: float
    low: float
    high: float


def estimate(values: Sequence[float]) -> Estimate | None:
    """The mean of per-second values and its error; None with fewer than LEAST."""
    n = len(values)
    if n < LEAST:
        return None
    mean = fmean(values)
    off = [value - mean for value in values]
    lags = math.isqrt(n)
    variance = math.fsum(d * d for d in off) / n
    for lag in range(1, lags + 1):
        covariance = math.fsum(a * b for a, b in zip(off, off[lag:], strict=False)) / n
        variance += 2 * (1 - lag / (lags + 1)) * covariance
    return Estimate(mean, math.sqrt(max(variance, 0.0) / (n - 1)), n)


def change(first: Estimate, second: Estimate, confidence: float, slack: float = 0.0) -> Change:
    """The relative change, and the interval that holds it with `confidence` (0 … 1), widened by `slack`.

    `slack` is what neither mean's error knows of, in the values' unit: the error of a clock is the same in each second.
    Where the first mean is 0, a change is infinite; none is 0.
    """
    difference = second.mean - first.mean
    error = math.hypot(first.error, second.error)
    reach = error * _quantile(confidence, min(first.independent, second.independent)) + slack
    low, high = difference - reach, difference + reach
    return Change(*(_share(value, first.mean) for value in (difference, low, high)))


def _share(difference: float, base: float) -> float:
    if difference == 0.0:
        return 0.0
    return difference / abs(base) if base else math.copysign(math.inf, difference)


def _quantile(confidence: float, freedom: float) -> float:
    """Student's t for a two-sided interval, from the normal quantile (Abramowitz and Stegun, 26.7.5, three terms)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )
