"""Judging a threshold by what was measured, with the error of what was measured. The grammar is threshold.py's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from loadtest.histogram import Histogram
from loadtest.slo.threshold import Threshold

__all__ = ["Figures", "Outcome", "Verdict", "judge"]

Outcome = Literal["pass", "fail", "no-data"]

PLAIN = 999.5
"""From here on three digits would print with an exponent."""

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda observed, limit: observed < limit,
    "<=": lambda observed, limit: observed <= limit,
    ">": lambda observed, limit: observed > limit,
    ">=": lambda observed, limit: observed >= limit,
}


class Figures(Protocol):
    """What an SLO is judged by; `results.Summary` is one."""

    def histogram(self, scope: str | None, measure: str, name: str | None = None) -> Histogram:
        """The times of a scope and measure, in seconds."""

    def clock_error(self) -> float:
        """The bound (s) on the error of any delivery latency."""

    def error_ratio(self, scope: str | None) -> tuple[float | None, int]:
        """(share of errors, of how many)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged SLO. `observed` and `error` are in the SLO's own unit."""

    text: str
    observed: float | None
    error: float | None
    outcome: Outcome
    samples: int
    unit: str = ""

    def __str__(self) -> str:
        if self.observed is None:
            return f"{self.outcome:<8}{self.text:<44} no samples"
        error = f" ± {self.error:.2g}" if self.error else ""
        space = "" if self.unit == "%" else " "
        figure = f"{self.observed:.3g}" if abs(self.observed) < PLAIN else f"{self.observed:,.0f}"
        observed = f"observed {figure}{error}{space}{self.unit}"
        return f"{self.outcome:<8}{self.text:<44} {observed} (n={self.samples:,})"


def judge(threshold: Threshold, figures: Figures) -> Verdict:
    """Pass if it holds at both ends of the error, fail if at neither, otherwise (and without samples) no-data.

    For `<` that is: pass if observed + error < limit, fail if observed − error ≥ limit.
    """
    observed, error, samples = _observe(threshold, figures)
    if observed is None:
        return Verdict(threshold.text, None, None, "no-data", 0, threshold.unit)
    holds = COMPARE[threshold.op]
    ends = {holds(observed - error, threshold.limit), holds(observed + error, threshold.limit)}
    outcome: Outcome = "no-data" if len(ends) > 1 else "pass" if ends == {True} else "fail"
    scale = threshold.scale
    return Verdict(threshold.text, observed / scale, error / scale, outcome, samples, threshold.unit)


def _observe(threshold: Threshold, figures: Figures) -> tuple[float | None, float, int]:
    """(observed, its error, samples) in seconds, or as a share."""
    if threshold.measure == "errors":
        ratio, attempts = figures.error_ratio(threshold.scope)
        return ratio, 0.0, attempts
    times = figures.histogram(threshold.scope, threshold.measure, threshold.name)
    error = figures.clock_error() if threshold.measure == "delivery" else 0.0
    return _aggregate(threshold.aggregate, times), error, times.count


def _aggregate(aggregate: str, times: Histogram) -> float | None:
    if aggregate == "mean":
        return times.mean
    return times.max if aggregate == "max" else times.percentile(float(aggregate[1:]))
