"""A run's past in a bounded number of points: fine for the last minutes, coarser before, however long it lasts.

Each second is folded once into every tier, so that an answer costs the same after a minute and after eight hours.
"""

from collections import deque

from loadtest.monitor.points import Point, point_of
from loadtest.monitor.span import Span

__all__ = ["FINE_S", "STEPS", "History"]

STEPS = (1, 5, 30, 120, 600)
"""Seconds of a point, tier by tier; each divides the next."""
FINE_S = 300
"""The last seconds, which are always shown one by one."""
COARSE = 480
"""Points before those at most, for 80 hours; from then on six more an hour."""
RECENT_S = 10
"""Seconds that a rate or a percentile of now is over."""


class _Tier:
    """Points of `step` seconds each: the last ones that can be asked for, and what the next is made of."""

    def __init__(self, step: int) -> None:
        self.step = step
        self.points: deque[Point] = deque(maxlen=None if step == STEPS[-1] else COARSE + STEPS[-1])
        self._parts: list[Span] = []

    def fold(self, span: Span) -> Span | None:
        """Add what comes next; the sum, when that makes a whole point."""
        self._parts.append(span)
        if (span.first + span.seconds) % self.step:
            return None
        total = Span.sum(self._parts)
        self._parts = []
        self.points.append(point_of(total))
        return total


class History:
    """Fed with each second in order; answers with points in order, which do not overlap."""

    def __init__(self) -> None:
        self.next = 0
        """The second that is folded next."""
        self._tiers = [_Tier(step) for step in STEPS]
        self._recent: deque[Span] = deque(maxlen=RECENT_S)

    def fold(self, span: Span) -> None:
        """Take the second `next` in."""
        self.next = span.first + 1
        self._recent.append(span)
        whole: Span | None = span
        for tier in self._tiers:
            if whole is not None:
                whole = tier.fold(whole)

    def recent(self) -> Span:
        """The last RECENT_S seconds, summed."""
        return Span.sum(self._recent)

    def step(self, end: int | None = None) -> int:
        """Seconds of a coarse point when the run has come to second `end`."""
        seconds = self.next if end is None else end
        return next((step for step in STEPS if seconds <= COARSE * step), STEPS[-1])

    def _border(self, end: int) -> int:
        """Before this second points are coarse, when the run has come to `end`."""
        step = self.step(end)
        return max(0, (end - FINE_S) // step * step) if step > 1 else 0

    def points(self, since: int = 0) -> tuple[bool, list[Point]]:
        """What is new to one who knows the seconds before `since`; whether all of it is, so that he must forget his.

        A coarse point replaces the fine ones that it covers.
        """
        since = since if 0 < since <= self.next else 0
        step, border = self.step(), self._border(self.next)
        whole = since == 0 or self.step(since) != step
        old_border = 0 if whole else self._border(since)
        coarse = [point for point in self._tier(step).points if old_border <= point.second < border] if step > 1 else []
        fine = [point for point in self._tier(1).points if point.second >= (border if whole else max(border, since))]
        return whole, [*coarse, *fine]

    def _tier(self, step: int) -> _Tier:
        return self._tiers[STEPS.index(step)]
