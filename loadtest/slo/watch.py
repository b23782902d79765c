"""Judges the SLOs that may end a run while it goes on. It is asked once a second; ending the run is another's."""

from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.slo.threshold import Threshold
from loadtest.slo.verdict import Measurements, Verdict, judge, judge_window

__all__ = ["Abort", "AbortWatch"]


@dataclass(frozen=True, slots=True)
class Abort:
    """An SLO that was breached for longer than it may: why the run is ended."""

    verdict: Verdict
    breached_s: int
    """For how many seconds on end."""

    def __str__(self) -> str:
        seconds = f"for {self.breached_s} s" if self.breached_s > 1 else "once"
        return f"{self.verdict.text}: breached {seconds} (observed {self.verdict.figure})"


class AbortWatch:
    """The SLOs with `abort`, each with the run second since which it is breached without a break.

    One with `for` is judged by its latest window, any other by everything measured so far in its phase. A second in
    which it holds, or in which nobody can tell, begins the count anew.
    """

    def __init__(self, thresholds: Sequence[Threshold], *, plateau: bool = False) -> None:
        """`plateau`: the load will hold, so that SLOs on the plateau wait for it."""
        self.plateau = plateau
        self.thresholds = tuple(threshold for threshold in thresholds if threshold.action == "abort")
        self._since: dict[Threshold, int] = {}

    def look(self, run: Measurements, second: int) -> Abort | None:
        """Judge by what is known up to run second `second`; the first SLO that asks for the run's end, or None."""
        for threshold in self.thresholds:
            verdict = self._verdict(threshold, run, second)
            if verdict is None or verdict.outcome != "fail":
                self._since.pop(threshold, None)
                continue
            breached = second - self._since.setdefault(threshold, second) + 1
            if breached >= threshold.patience:
                return Abort(verdict, breached)
        return None

    def _verdict(self, threshold: Threshold, run: Measurements, second: int) -> Verdict | None:
        during = threshold.phase(plateau=self.plateau)
        if during != "all" and not run.during(during).seconds:
            return None
        if threshold.window is None:
            return judge(threshold, run)
        if second + 1 < threshold.window:
            return None
        if during != "all":
            window = range(second + 1 - threshold.window, second + 1)
            if not set(window) <= set(run.during(during).seconds):
                return None
        return judge_window(threshold, run, second)
