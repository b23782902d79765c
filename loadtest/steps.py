"""In which steps a clock tells time, found out from the times that it told. Pure."""

import math
from collections.abc import Iterable

__all__ = ["ENOUGH", "FEWEST", "Steps", "step_of"]

STEPS_S = (1.0, 0.1, 0.01, 1e-3)
"""Steps that a server's clock may tell time in. Finer ones are not looked for: they would widen a bound by 0.1 ms."""
EXACT_S = 1e-6
"""A double of today's date is good to 0.24 µs."""
FEWEST = 5
"""So many different times in a row that a finer clock would show in these steps are no chance: 1 in 10⁵."""
ENOUGH = 200
"""After so many it is known, and looking is over."""


def step_of(times: Iterable[float]) -> float:
    """The step (s) that all of these times (s) are multiples of; 0 if that is finer than a millisecond."""
    times = tuple(times)
    return next((step for step in STEPS_S if all(_is_multiple(time, step) for time in times)), 0.0)


def _is_multiple(time: float, step: float) -> bool:
    return math.isfinite(time) and abs(math.remainder(time, step)) < EXACT_S


class Steps:
    """Follows a clock's times one by one, until it is known. The same time in succession counts once."""

    __slots__ = ("_at", "_last", "_seen")

    def __init__(self) -> None:
        self._at = 0
        self._last = math.nan
        self._seen = 0

    def add(self, time: float) -> None:
        """The clock told this time (s)."""
        if time == self._last:
            return
        self._last = time
        self._seen += 1
        while self._at < len(STEPS_S) and not _is_multiple(time, STEPS_S[self._at]):
            self._at += 1

    @property
    def known(self) -> bool:
        """Whether more times would be of no use."""
        return self._at == len(STEPS_S) or self._seen >= ENOUGH

    @property
    def step(self) -> float:
        """The step (s); 0 while too few times were seen, and if it is finer than a millisecond."""
        return STEPS_S[self._at] if self._at < len(STEPS_S) and self._seen >= FEWEST else 0.0
