"""Which worker saw something else than the others: a robust rule on figures that should be alike."""

from collections.abc import Iterator, Mapping
from statistics import median
from typing import NamedTuple

from loadtest.results.totals import Totals

__all__ = ["Outlier", "outliers"]

FIGURES = (("delivery", 50.0), ("delivery", 99.0), ("response", 50.0), ("response", 99.0), ("lag", 99.0))
"""Measures and percentiles that workers with equal shares of one load should see alike."""
SCALE = 1.4826
"""Makes the median absolute deviation of normal values their standard deviation (Iglewicz and Hoaglin, 1993)."""
DEVIATIONS = 3.5
SHARE = 0.5
LEAST_S = 1e-3
ABOVE = 5
"""So many samples must lie above a percentile for it to be one."""


class Outlier(NamedTuple):
    """One worker's figure and the median of the others', in seconds."""

    worker: str
    measure: str
    percentile: float
    value: float
    others: float

    def __str__(self) -> str:
        figure = f"{self.measure} p{self.percentile:g}"
        return f"{self.worker} saw {figure} {self.value * 1000:.3g} ms, the others {self.others * 1000:.3g} ms"


def outliers(workers: Mapping[str, Totals]) -> Iterator[Outlier]:
    """Workers whose figure is above the others' median by over 3.5 of their deviations, by half of it, and by 1 ms.

    The deviation is the others' median absolute one, so that a second outlier does not hide the first. Of two workers
    it is 0, and the half and the 1 ms decide.
    """
    for measure, percentile in FIGURES:
        values = {}
        for worker, totals in workers.items():
            times = totals.histogram(None, measure)
            value = times.percentile(percentile)
            if value is not None and times.count * (100 - percentile) >= 100 * ABOVE:
                values[worker] = value
        for worker, value in values.items():
            others = [other for name, other in values.items() if name != worker]
            if others and value - (middle := median(others)) > _tolerance(others, middle):
                yield Outlier(worker, measure, percentile, value, middle)


def _tolerance(values: list[float], middle: float) -> float:
    deviation = SCALE * median(abs(value - middle) for value in values)
    return max(DEVIATIONS * deviation, SHARE * middle, LEAST_S)
