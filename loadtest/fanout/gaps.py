"""What a connection passed over, as ranges of numbers: each comes late, or is given up as lost. Times are given."""

from collections.abc import Callable

__all__ = ["MAX_RANGES", "Gaps"]

MAX_RANGES = 64
"""Ranges that are kept of one connection; past that, the oldest are given up."""

LOW, HIGH, SINCE, GIVEN_UP = range(4)


class Gaps:
    """What is missing of a sequence between a connection's first number and its highest.

    A range is remembered after it was given up, so that what is asked of the past few seconds has an answer.
    """

    __slots__ = ("_ranges",)

    def __init__(self) -> None:
        self._ranges: list[list[float]] = []

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __contains__(self, number: int) -> bool:
        return any(span[LOW] <= number <= span[HIGH] for span in self._ranges)

    @property
    def missing(self) -> int:
        """How many numbers are missing and not given up."""
        return sum(int(span[HIGH] - span[LOW]) + 1 for span in self._ranges if not span[GIVEN_UP])

    def spans(self) -> list[int]:
        """[low, high, low, high, …] of what is missing, given up or not."""
        return [int(end) for span in self._ranges for end in span[:2]]

    def skip(self, low: int, high: int, now: float) -> None:
        """The numbers from `low` to `high` were passed over."""
        self._ranges.append([low, high, now, False])

    def fill(self, number: int) -> bool:
        """A number came after all; whether it was missing."""
        for i, (low, high, since, given_up) in enumerate(self._ranges):
            if low <= number <= high:
                halves = [[low, number - 1, since, given_up], [number + 1, high, since, given_up]]
                self._ranges[i : i + 1] = [half for half in halves if half[LOW] <= half[HIGH]]
                return True
        return False

    def give_up(self, before: float, lost: Callable[[int, int], None]) -> None:
        """Tell `lost(low, high)` what was passed over before a time, or is more than can be kept; each range once."""
        spare = len(self._ranges) - MAX_RANGES
        for i, span in enumerate(self._ranges):
            if not span[GIVEN_UP] and (span[SINCE] < before or i < spare):
                span[GIVEN_UP] = True
                lost(int(span[LOW]), int(span[HIGH]))
        if spare > 0:
            del self._ranges[:spare]

    def forget(self, before: float) -> None:
        """Drop what was given up and passed over before a time."""
        self._ranges = [span for span in self._ranges if not span[GIVEN_UP] or span[SINCE] >= before]
