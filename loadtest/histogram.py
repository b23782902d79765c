"""Latency buckets in HdrHistogram's layout: record, merge, encode sparse, percentile. No clock; seconds in and out.

Values are kept in units of 10 ns with three significant digits from 10 µs to 10 minutes: 2048 sub-buckets, so that a
bucket is at most 1/1024 of its value wide (G. Tene, HdrHistogram). Only buckets that hold something are stored.
"""

import math
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise
from typing import Any, Self

from loadtest.errors import WireError

__all__ = ["HIGHEST_S", "UNIT_S", "Histogram"]

UNIT_S = 1e-8
"""One unit in seconds."""
HIGHEST_S = 600.0
"""Longer ones are recorded as this, and counted as clamped."""
_PER_SECOND = 1e8


class Histogram:
    """Counts of times. `total`, `min` and `max` (s) are exact; percentiles are right to 0.1 %.

    `clamped` counts values that were out of range (negative, over 10 minutes, not a number): they are recorded at the
    nearest end of the range, never dropped.
    """

    __slots__ = ("_buckets", "_high", "_low", "clamped", "count", "total")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self._low = math.inf
        self._high = -math.inf
        self.count = 0
        self.total = 0.0
        self.clamped = 0

    def record(self, seconds: float) -> None:
        """Count one time."""
        if not 0.0 <= seconds <= HIGHEST_S:
            self.clamped += 1
            seconds = HIGHEST_S if seconds > HIGHEST_S else 0.0
        value = int(seconds * _PER_SECOND + 0.5)  # `_index`, written out: this is the hot path
        shift = value.bit_length() - 11
        index = (shift << 10) + (value >> shift) if shift > 0 else value
        buckets = self._buckets
        buckets[index] = buckets.get(index, 0) + 1
        self.count += 1
        self.total += seconds
        if seconds < self._low:  # noqa: PLR1730 - a call of min() costs more than all of this line
            self._low = seconds
        if seconds > self._high:  # noqa: PLR1730 - the same
            self._high = seconds

    @property
    def min(self) -> float | None:
        """The least, in seconds; None without any."""
        return self._low if self.count else None

    @property
    def max(self) -> float | None:
        """The most, in seconds; None without any."""
        return self._high if self.count else None

    @property
    def mean(self) -> float | None:
        """The arithmetic mean, in seconds; None without any."""
        return self.total / self.count if self.count else None

    @property
    def mean_deviation(self) -> float | None:
        """The mean distance of a value from the mean, in seconds, right to 0.05 % of the mean; None without any."""
        mean = self.mean
        if mean is None:
            return None
        return sum(count * abs(middle - mean) for middle, count in self.buckets()) / self.count

    def merge(self, other: Self) -> None:
        """Add another's counts."""
        buckets = self._buckets
        for index, count in other._buckets.items():
            buckets[index] = buckets.get(index, 0) + count
        self.count += other.count
        self.total += other.total
        self.clamped += other.clamped
        self._low = min(self._low, other._low)
        self._high = max(self._high, other._high)

    def coarse(self) -> Self:
        """The same with an eighth of the buckets above 20 µs: percentiles are right to 0.5 %, everything else stays."""
        merged: dict[int, int] = {}
        for index, count in self._buckets.items():
            near = index if index < 2048 else index & ~7 | 4  # noqa: PLR2004 - the first 2048 buckets are one unit wide
            merged[near] = merged.get(near, 0) + count
        return self._rebuilt(merged, self.total, self._low, self._high, self.clamped)

    def packed(self) -> tuple[Any, ...]:
        """(total, min, max, clamped, indexes, counts); indexes ascending, each as the difference to the one before."""
        indexes = sorted(self._buckets)
        steps = [index - before for before, index in zip([0, *indexes], indexes, strict=False)]
        return self.total, self._low, self._high, self.clamped, steps, [self._buckets[index] for index in indexes]

    @classmethod
    def unpacked(cls, packed: Iterable[Any]) -> Self:
        """What `packed` returned. It is taken as it is: what came from elsewhere must go through `from_wire`."""
        total, low, high, clamped, steps, counts = packed
        return cls._rebuilt(dict(zip(accumulate(steps), counts, strict=True)), total, low, high, clamped)

    @classmethod
    def _rebuilt(cls, buckets: dict[int, int], total: float, low: float, high: float, clamped: int) -> Self:
        made = cls()
        made._buckets, made.total, made._low, made._high, made.clamped = buckets, total, low, high, clamped
        made.count = sum(buckets.values())
        return made

    def buckets(self) -> Iterator[tuple[float, int]]:
        """(middle of the bucket in seconds, count), from the least to the most."""
        for index in sorted(self._buckets):
            yield _middle(index), self._buckets[index]

    def percentile(self, p: float) -> float | None:
        """The time (s) that p % of the values do not exceed: that of rank ceil(p/100·n). None without any.

        The middle of that value's bucket, but never outside of what was recorded. As in HdrHistogram, `p` is taken as
        the float below it: a product that should be whole must not come out above it, and the rank be one too high.
        """
        if not self.count:
            return None
        rank = min(max(math.ceil(math.nextafter(p, -math.inf) * self.count / 100), 1), self.count)
        for index in sorted(self._buckets):
            rank -= self._buckets[index]
            if rank <= 0:
                return min(max(_middle(index), self._low), self._high)
        raise AssertionError("the buckets hold fewer than count")

    def to_wire(self) -> list[Any]:
        """[total, min, max, clamped, [index, count, index, count, …]]; indexes ascending."""
        flat = [number for index in sorted(self._buckets) for number in (index, self._buckets[index])]
        return [self.total, self._low if self.count else 0.0, self._high if self.count else 0.0, self.clamped, flat]

    @classmethod
    def from_wire(cls, wire: Any) -> "Histogram":
        """Read what `to_wire` wrote.

        Raises:
            WireError: it did not write this.
        """
        try:
            total, low, high, clamped, flat = wire
            histogram = cls._checked(_time(total), _time(low), _time(high), clamped, flat)
        except (TypeError, ValueError, OverflowError):
            raise WireError("not a histogram") from None
        return histogram

    @classmethod
    def _checked(cls, total: float, low: float, high: float, clamped: Any, flat: Any) -> "Histogram":
        """Build it if the figures agree with each other; raises ValueError."""
        if type(clamped) is not int or type(flat) not in (list, tuple) or not all(type(n) is int for n in flat):
            raise ValueError("not whole numbers")
        indexes, counts = flat[::2], flat[1::2]
        histogram = cls()
        histogram._buckets = dict(zip(indexes, counts, strict=True))
        histogram.count, histogram.clamped, histogram.total = sum(counts), clamped, total
        ascending = all(a < b for a, b in pairwise(indexes))
        if not ascending or not all(count > 0 for count in counts) or not 0 <= clamped <= histogram.count:
            raise ValueError("not counts of buckets")
        if not flat:
            if total or low or high:
                raise ValueError("figures of nothing")
            return histogram
        if not low <= high <= HIGHEST_S or (_index(low), _index(high)) != (indexes[0], indexes[-1]):
            raise ValueError("not the ends of the buckets")
        slack = 1e-9 * total  # of a sum of floats
        if not low * histogram.count - slack <= total <= high * histogram.count + slack:
            raise ValueError("not the sum of the buckets")
        histogram._low, histogram._high = low, high
        return histogram

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        ours = (self._buckets, self._low, self._high, self.clamped)
        return ours == (other._buckets, other._low, other._high, other.clamped) and math.isclose(
            self.total, other.total, rel_tol=1e-9, abs_tol=1e-12
        )

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        if not self.count:
            return "no samples"
        p50, p99 = self.percentile(50) or 0.0, self.percentile(99) or 0.0
        return f"n={self.count:,} p50={p50 * 1000:.3g} ms p99={p99 * 1000:.3g} ms max={self._high * 1000:.3g} ms"


def _index(seconds: float) -> int:
    """The bucket of a time in range."""
    value = int(seconds * _PER_SECOND + 0.5)
    shift = max(0, value.bit_length() - 11)
    return (shift << 10) + (value >> shift)


def _middle(index: int) -> float:
    """The middle of a bucket, in seconds."""
    if index < 2048:  # noqa: PLR2004 - the first 2048 buckets are one unit wide
        return index / _PER_SECOND
    shift = (index >> 10) - 1
    low = ((index & 1023) + 1024) << shift
    return (low + (1 << shift) / 2) / _PER_SECOND


def _time(number: Any) -> float:
    """A number of seconds off the wire; raises TypeError, ValueError or OverflowError."""
    if type(number) is not float and type(number) is not int:
        raise TypeError("not a number")
    if not 0.0 <= number < math.inf:
        raise ValueError("no time")
    return float(number)
