"""Judging a threshold by what was measured, with the error of what was measured. The grammar is grammar.py's."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from loadtest.histogram import Histogram
from loadtest.slo.threshold import BY_DESIGN, MEASURES, Action, Phase, Threshold

__all__ = ["Figures", "Measurements", "Outcome", "Verdict", "judge", "judge_window"]

Outcome = Literal["pass", "fail", "no-data"]

PLAIN = 999.5
TWO_DIGITS = 99.5
"""From here on three digits (and two, of an error) would print with an exponent."""

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": lambda observed, limit: observed < limit,
    "<=": lambda observed, limit: observed <= limit,
    ">": lambda observed, limit: observed > limit,
    ">=": lambda observed, limit: observed >= limit,
}

JITTER_ERROR = 0.0005
"""Of the mean gap: what a histogram's buckets add to the mean distance from it."""
IN_SEQUENCE = frozenset({"lost", "duplicated", "reordered"})
"""Counts that only messages with a sequence number allow."""


class Figures(Protocol):
    """What an SLO is judged by: a run, or a part of it."""

    @property
    def at_full_speed(self) -> "Figures":
        """The same without the groups that read slowly on purpose."""

    def histogram(self, scope: str | None, measure: str, name: str | None = None) -> Histogram:
        """The times of a scope and measure, in seconds."""

    def attempts(self, scope: str | None, measure: str) -> int:
        """How many there were of a measure, those without a time included."""

    def error(self, scope: str | None, measure: str, name: str | None = None) -> float:
        """The bound (s) on the error of any of the times of a scope and measure."""

    def error_ratio(self, scope: str | None) -> tuple[float | None, int]:
        """(share of errors, of how many)."""

    def counted(self, scope: str | None, name: str) -> int:
        """How many of a counter."""

    @property
    def seconds(self) -> Sequence[int]:
        """The run seconds that it covers, ascending."""


class Measurements(Figures, Protocol):
    """A whole run, which can be looked at in parts; `results.Summary` is one."""

    def during(self, phase: Phase) -> Figures:
        """What was measured in a phase."""

    def window(self, first: int, last: int) -> Figures:
        """What was measured from a run second to another, both included."""

    def windows(self, phase: Phase, length: int) -> Iterator[tuple[int, Figures]]:
        """(last second, what was measured in the `length` seconds up to it) for each such stretch within a phase."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A judged SLO. `observed`, `error` and `limit` are in the SLO's own unit."""

    text: str
    observed: float | None
    error: float | None
    outcome: Outcome
    samples: int
    unit: str = ""
    limit: float | None = None
    action: Action = "fail"
    where: str = ""
    """Of an SLO with `for`: the window that is shown, the worst of all."""

    @property
    def warns(self) -> bool:
        """It is reported, and changes nothing."""
        return self.action == "warn"

    @property
    def word(self) -> str:
        """pass, fail or no-data; warn for a breach that only warns."""
        return "warn" if self.warns and self.outcome == "fail" else self.outcome

    @property
    def figure(self) -> str:
        """The observed value with its error: `2.11 ± 0.36 ms`."""
        if self.observed is None:
            return "no samples"
        if math.isinf(self.observed):
            return "never"
        error = ""
        if self.error:
            error = f" ± {self.error:.2g}" if self.error < TWO_DIGITS else f" ± {self.error:,.0f}"
        space = " " if self.unit not in ("%", "/s", "") else ""
        digits = 5 if self.unit == "%" else 3  # 99.98 % of completeness is not 100 %
        figure = f"{self.observed:.{digits}g}" if abs(self.observed) < PLAIN else f"{self.observed:,.0f}"
        return f"{figure}{error}{space}{self.unit}"

    def __str__(self) -> str:
        if self.observed is None:
            return f"{self.word:<8}{self.text:<44} no samples{self.where and f' in {self.where}'}"
        where = self.where and f", worst: {self.where}"
        return f"{self.word:<8}{self.text:<44} observed {self.figure} (n={self.samples:,}{where})"


def judge(threshold: Threshold, run: Measurements) -> Verdict:
    """Pass if it holds at both ends of the error, fail if at neither, otherwise (and without samples) no-data.

    For `<` that is: pass if observed + error < limit, fail if observed − error ≥ limit. With `for`, that must hold in
    every window of so many consecutive seconds of the phase: the verdict is that of the worst.
    """
    length = threshold.window
    during = threshold.phase(plateau=bool(run.during("plateau").seconds))
    if length is None:
        return _judge(threshold, run if during == "all" else run.during(during))
    verdicts = (_of_window(threshold, part, last) for last, part in run.windows(during, length))
    worst = max(verdicts, key=lambda verdict: _badness(threshold, verdict), default=None)
    if worst is not None:
        return worst
    phase = "run" if during == "all" else during
    return replace(_verdict(threshold, None, 0.0, 0), where=f"the {phase}, which is shorter than {length}s")


def judge_window(threshold: Threshold, run: Measurements, last: int) -> Verdict:
    """The verdict on the window of the SLO's length that ends with the run second `last`."""
    return _of_window(threshold, run.window(last + 1 - (threshold.window or 1), last), last)


def _of_window(threshold: Threshold, figures: Figures, last: int) -> Verdict:
    return replace(_judge(threshold, figures), where=f"{last + 1 - (threshold.window or 1)}s–{last + 1}s")


def _badness(threshold: Threshold, verdict: Verdict) -> tuple[int, float]:
    """Orders verdicts: a breach before what can't be judged before what holds, and the farther the worse."""
    rank = {"pass": 0, "no-data": 1, "fail": 2}[verdict.outcome]
    if verdict.observed is None:
        return rank, math.inf
    return rank, verdict.observed if threshold.op in ("<", "<=") else -verdict.observed


def _judge(threshold: Threshold, figures: Figures) -> Verdict:
    return _verdict(threshold, *_observe(threshold, figures))


def _verdict(threshold: Threshold, observed: float | None, error: float, samples: int) -> Verdict:
    scale = threshold.scale
    outcome: Outcome = "no-data"
    if observed is not None:
        holds = COMPARE[threshold.op]
        ends = {holds(observed - error, threshold.limit), holds(observed + error, threshold.limit)}
        outcome = "no-data" if len(ends) > 1 else "pass" if ends == {True} else "fail"
    return Verdict(
        text=threshold.text,
        observed=None if observed is None else observed / scale,
        error=None if observed is None else error / scale,
        outcome=outcome,
        samples=samples if observed is not None else 0,
        unit=threshold.unit,
        limit=threshold.limit / scale,
        action=threshold.action,
    )


def _observe(threshold: Threshold, figures: Figures) -> tuple[float | None, float, int]:
    """(observed, its error, samples) in seconds, as a share, a number, or per second."""
    scope = threshold.scope
    if threshold.measure not in BY_DESIGN and (scope is None or scope in MEASURES):
        figures = figures.at_full_speed
    if threshold.aggregate == "ratio":
        return _share(threshold.measure, scope, figures)
    if threshold.aggregate == "count":
        seen = figures.counted(scope, "messages") or figures.counted(scope, "connected")
        if threshold.measure in IN_SEQUENCE:
            seen = figures.counted(scope, "sequenced")
        return (float(figures.counted(scope, threshold.measure)) if seen else None), 0.0, seen
    if threshold.aggregate == "rate":
        done = figures.counted(scope, "messages") + figures.counted(scope, "requests")
        return (done / len(figures.seconds) if figures.seconds else None), 0.0, done
    if threshold.measure == "reconnected":
        return _reached(float(threshold.aggregate[1:]), scope, figures)
    times = figures.histogram(scope, threshold.measure, threshold.name)
    if threshold.aggregate == "jitter":
        return times.mean_deviation, JITTER_ERROR * (times.mean or 0.0), times.count
    return _aggregate(threshold.aggregate, times), figures.error(scope, threshold.measure, threshold.name), times.count


def _share(measure: str, scope: str | None, figures: Figures) -> tuple[float | None, float, int]:
    if measure == "errors":
        ratio, attempts = figures.error_ratio(scope)
        return ratio, 0.0, attempts
    part, whole = {"completeness": ("counted_deliveries", "expected_deliveries"), "missed": ("missed", "due")}[measure]
    expected = figures.counted(scope, whole)
    return (figures.counted(scope, part) / expected if expected else None), 0.0, expected


def _reached(share: float, scope: str | None, figures: Figures) -> tuple[float | None, float, int]:
    """The time after which `share` % of those cut were back; never, if fewer came back at all."""
    times = figures.histogram(scope, "reconnect")
    attempts = max(figures.attempts(scope, "reconnect"), times.count)
    if not attempts:
        return None, 0.0, 0
    rank = max(math.ceil(math.nextafter(share, -math.inf) * attempts / 100), 1)
    if rank > times.count:
        return math.inf, 0.0, attempts
    return times.percentile(100 * rank / times.count), 0.0, attempts


def _aggregate(aggregate: str, times: Histogram) -> float | None:
    if aggregate == "mean":
        return times.mean
    return times.max if aggregate == "max" else times.percentile(float(aggregate[1:]))
