"""SLOs as they would be judged now, at a cost that does not grow with the run.

One with `for` is judged by each of its windows once, when the window is complete, and the worst so far is kept. Any
other is judged by the sums that Summary keeps anyway.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from loadtest.results import Summary
from loadtest.slo import Threshold, Verdict, judge
from loadtest.slo.verdict import judge_window

__all__ = ["Judging", "margin"]

RANKS = {"pass": 0, "no-data": 1, "fail": 2}


@dataclass(slots=True)
class Judging:
    """One run's. `upto` is how many run seconds are judged by."""

    thresholds: Sequence[Threshold] = ()
    upto: int = 0
    worst: dict[Threshold, Verdict] = field(default_factory=dict)

    def judge_second(self, summary: Summary) -> None:
        """Take the next run second in: every window that ends with it."""
        last, self.upto = self.upto, self.upto + 1
        for threshold in self.thresholds:
            if threshold.window is not None and _whole(threshold, summary, last):
                verdict = judge_window(threshold, summary, last)
                known = self.worst.get(threshold)
                if known is None or _badness(threshold, verdict) > _badness(threshold, known):
                    self.worst[threshold] = verdict

    def verdict(self, threshold: Threshold, summary: Summary) -> Verdict:
        """How it stands."""
        if threshold.window is None:
            return judge(threshold, summary)
        known = self.worst.get(threshold)
        if known is None:
            return Verdict(threshold.text, None, None, "no-data", 0, threshold.unit)
        return known


def _whole(threshold: Threshold, summary: Summary, last: int) -> bool:
    """Whether the window that ends with a second lies in the run, and in the phase."""
    first = last + 1 - (threshold.window or 1)
    known = summary.seconds
    if first < 0 or first not in known or last not in known:
        return False
    if threshold.during == "all":
        return True
    wanted = "ramp-up" if threshold.during == "ramp" else "plateau"
    return all(summary.timeline.phase(second) == wanted for second in range(first, last + 1))


def _badness(threshold: Threshold, verdict: Verdict) -> tuple[int, float]:
    """Orders verdicts: the greater the worse."""
    room = margin(threshold, verdict.observed, verdict.error or 0.0)
    return RANKS[verdict.outcome], 0.0 if room is None else -room


def margin(threshold: Threshold, observed: float | None, error: float) -> float | None:
    """How far from its limit a figure is, as a share of it; its error counts against it. `observed` in its unit."""
    limit = threshold.limit / threshold.scale
    if observed is None or not limit:
        return None
    room = limit - observed if threshold.op in ("<", "<=") else observed - limit
    return round((room - error) / limit, 4)
