"""A number for each second of a run: 8 bytes each, where a dict takes 100 and more."""

from array import array
from collections.abc import Iterable

__all__ = ["Marks", "PerSecond"]


MOST = (1 << 64) - 1


class PerSecond:
    """Second -> a sum that only grows, and the highest of them."""

    __slots__ = ("_sums", "peak")

    def __init__(self) -> None:
        self._sums = array("Q")
        self.peak = 0

    def add(self, second: int, more: int) -> None:
        """Add to a second, which may come late."""
        if (lacking := second + 1 - len(self._sums)) > 0:
            self._sums.frombytes(bytes(lacking * self._sums.itemsize))
        total = self._sums[second] = min(self._sums[second] + more, MOST)
        self.peak = max(self.peak, total)


class Marks:
    """A set of seconds, in a byte for each second of the run."""

    __slots__ = ("_marks",)

    def __init__(self) -> None:
        self._marks = bytearray()

    def update(self, seconds: range) -> None:
        """Mark seconds on end."""
        if seconds.stop > len(self._marks):
            self._marks.extend(bytes(seconds.stop - len(self._marks)))
        self._marks[seconds.start : seconds.stop] = b"\x01" * len(seconds)

    def count(self, seconds: Iterable[int]) -> int:
        """How many of these are marked."""
        marks, end = self._marks, len(self._marks)
        return sum(marks[second] for second in seconds if second < end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Marks) and self._marks == other._marks

    __hash__ = None  # type: ignore[assignment]
