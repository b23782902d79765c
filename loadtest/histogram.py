"""Latency buckets in HdrHistogram's layout: record, merge, encode sparse, percentile. No clock; seconds in and out.

Values are kept in units of 10 ns with three significant digits from 10 µs to 10 minutes: 2048 sub-buckets, so that a
bucket is at most 1/1024 of its value wide (G. Tene, HdrHistogram). Only buckets that hold something are stored.
"""

import math
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Self

from loadtest.bucket_layout import HIGHEST_S, PER_SECOND, UNIT_S, index_of, middle_of
from loadtest.buckets import Buckets, Dense, Pairs, at_rank, merged, packs_well, plain
from loadtest.errors import WireError
from loadtest.histogram_wire import figures_of, pairs_of

__all__ = ["HIGHEST_S", "UNIT_S", "Histogram"]

MANY_PARTS = 16
"""One that so many others were merged into is there to stay, and its buckets are packed."""
WAITING = 16
"""So many that came off the wire are kept as they came, and then added up together."""
FLOAT_FROM_S = 1024e-8
"""From here on a bucket has the exponent and the first 10 bits of a time's IEEE 754 double (in units, rounded)."""
_FLOAT_OFFSET = (1023 + 10 << 10) - 1024
_UPPER = 1 if sys.byteorder == "little" else 0


class Histogram:
    """Counts of times. `total`, `min` and `max` (s) are exact; percentiles are right to 0.1 %.

    `clamped` counts values that were out of range (negative, over 10 minutes, not a number): they are recorded at the
    nearest end of the range, never dropped.
    """

    __slots__ = ("_buckets", "_high", "_low", "_parts", "_waiting", "clamped", "count", "total")

    def __init__(self) -> None:
        self._buckets: Buckets = {}
        self._low = math.inf
        self._high = -math.inf
        self._parts = 0  # how many others were merged into it
        self._waiting: list[Pairs] = []  # what is not in the buckets yet; never changed, so others may have it too
        self.count = 0
        self.total = 0.0
        self.clamped = 0

    def record(self, seconds: float) -> None:
        """Count one time."""
        if not 0.0 <= seconds <= HIGHEST_S:
            self.clamped += 1
            seconds = HIGHEST_S if seconds > HIGHEST_S else 0.0
        value = int(seconds * PER_SECOND + 0.5)  # `index_of`, written out: this is the hot path
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

    def record_all(self, times: Sequence[float]) -> None:
        """Count each of these times (s), at less cost than one by one."""
        if not times:
            return
        low, high, total = min(times), max(times), sum(times)
        if not (low >= FLOAT_FROM_S and high <= HIGHEST_S and total == total):  # noqa: PLR0124 - not a number
            for seconds in times:
                self.record(seconds)
            return
        # A double is an exponent and a mantissa, as a bucket is; its upper half has the mantissa's first 20 bits.
        scaled = array("d", [seconds * PER_SECOND + 0.5 for seconds in times])
        buckets = self._buckets
        for upper in memoryview(scaled).cast("B").cast("I")[_UPPER::2]:
            index = (upper >> 10) - _FLOAT_OFFSET
            buckets[index] = buckets.get(index, 0) + 1
        self.count += len(times)
        self.total += total
        self._low = min(self._low, low)
        self._high = max(self._high, high)

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
        if not other.count:
            return
        self.count += other.count
        self.total += other.total
        self.clamped += other.clamped
        self._low = min(self._low, other._low)
        self._high = max(self._high, other._high)
        self._parts += 1
        if other._buckets:
            self._buckets = merged(self._buckets, other._buckets, self.count)
        self._waiting += other._waiting
        if len(self._waiting) >= WAITING:
            self.settle()
        buckets = self._buckets
        if self._parts < MANY_PARTS or not isinstance(buckets, dict):
            return
        if packs_well(len(buckets), index_of(self._low), index_of(self._high)):
            self._buckets = Dense(buckets, self.count)

    def settle(self) -> Buckets:
        """The buckets, with all that waits in them; after it, threads may read at once."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return self._buckets
        many = sum(map(len, waiting)) // 2
        if isinstance(self._buckets, dict) and not packs_well(many, index_of(self._low), index_of(self._high)):
            self._buckets = merged(plain(waiting), self._buckets, self.count)
            return self._buckets
        if isinstance(self._buckets, dict):
            self._buckets = Dense(self._buckets, self.count)
        self._buckets.add_all(waiting, self.count)
        return self._buckets

    def coarse(self) -> Self:
        """The same with an eighth of the buckets above 20 µs: percentiles are right to 0.5 %, everything else stays."""
        buckets = self.settle()
        if isinstance(buckets, Dense):
            return self._rebuilt(buckets.coarse(2048), self.total, self._low, self._high, self.clamped)
        merged: dict[int, int] = {}
        for index, count in buckets.items():
            near = index if index < 2048 else index & ~7 | 4  # noqa: PLR2004 - the first 2048 buckets are one unit wide
            merged[near] = merged.get(near, 0) + count
        return self._rebuilt(merged, self.total, self._low, self._high, self.clamped)

    def packed(self) -> tuple[Any, ...]:
        """(total, min, max, clamped, indexes, counts); indexes ascending, each as the difference to the one before."""
        pairs = list(self._ascending())
        indexes = [index for index, _ in pairs]
        steps = [index - before for before, index in zip([0, *indexes], indexes, strict=False)]
        return self.total, self._low, self._high, self.clamped, steps, [count for _, count in pairs]

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
        for index, count in self._ascending():
            yield middle_of(index), count

    def _ascending(self) -> Iterable[tuple[int, int]]:
        """(index, count), by index."""
        buckets = self.settle()
        return sorted(buckets.items()) if isinstance(buckets, dict) else buckets.items()

    def percentile(self, p: float) -> float | None:
        """The time (s) that p % of the values do not exceed: that of rank ceil(p/100·n). None without any.

        The middle of that value's bucket, but never outside of what was recorded. As in HdrHistogram, `p` is taken as
        the float below it: a product that should be whole must not come out above it, and the rank be one too high.
        """
        if not self.count:
            return None
        rank = min(max(math.ceil(math.nextafter(p, -math.inf) * self.count / 100), 1), self.count)
        return min(max(middle_of(at_rank(self.settle(), rank)), self._low), self._high)

    def to_wire(self) -> list[Any]:
        """[total, min, max, clamped, [index, count, index, count, …]]; indexes ascending."""
        flat = [number for pair in self._ascending() for number in pair]
        return [self.total, self._low if self.count else 0.0, self._high if self.count else 0.0, self.clamped, flat]

    @classmethod
    def from_wire(cls, wire: Any) -> "Histogram":
        """Read what `to_wire` wrote.

        Raises:
            WireError: it did not write this.
        """
        try:
            return cls._of_pairs(*figures_of(wire))
        except (TypeError, ValueError, OverflowError):
            raise WireError("not a histogram") from None

    @classmethod
    def trusted(cls, wire: Any) -> "Histogram":
        """Read what `from_wire` has read before, without looking whether it can be."""
        total, low, high, clamped, flat = wire
        pairs = pairs_of(flat)
        return cls._of_pairs(total, low, high, clamped, pairs, sum(pairs[1::2]))

    @classmethod
    def _of_pairs(cls, total: float, low: float, high: float, clamped: int, pairs: Pairs, count: int) -> "Histogram":
        made = cls()
        if not count:
            return made
        made._waiting, made.total, made._low, made._high, made.clamped = [pairs], total, low, high, clamped
        made.count = count
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Histogram):
            return NotImplemented
        ours = (list(self._ascending()), self._low, self._high, self.clamped)
        return ours == (list(other._ascending()), other._low, other._high, other.clamped) and math.isclose(
            self.total, other.total, rel_tol=1e-9, abs_tol=1e-12
        )

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        if not self.count:
            return "no samples"
        p50, p99 = self.percentile(50) or 0.0, self.percentile(99) or 0.0
        return f"n={self.count:,} p50={p50 * 1000:.3g} ms p99={p99 * 1000:.3g} ms max={self._high * 1000:.3g} ms"
