"""Counts of buckets side by side: what a histogram keeps them in that has many of them.

A dict takes about 100 bytes a bucket, and so grows for as long as times fall into buckets that are new: for hours, at
the precision of a histogram. Here a bucket takes 4 bytes (8 beyond 2³² values), used or not, and nothing grows once the
range is there.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from itertools import accumulate
from itertools import count as _count
from operator import add

__all__ = ["Buckets", "Dense", "at_rank", "merged", "packs_well"]

BLOCK = 256
"""Buckets that are added at a time."""
LEAST = 64
"""Fewer are never worth it."""
APART = 64
"""One bucket in so many in use: a dict would soon take more, and go on growing."""
NARROW = 1 << 32


def packs_well(buckets: int, low: int, high: int) -> bool:
    """Whether so many buckets from index `low` to `high` take less side by side than in a dict."""
    return buckets >= LEAST and buckets * APART > high - low


class Dense:
    """Index -> count. Made of a dict's, added to by more of them; what was never added counts 0.

    `count` is the sum of all that is in, once that is done which it is given to.
    """

    __slots__ = ("base", "counts")

    def __init__(self, buckets: Mapping[int, int], count: int) -> None:
        self.base = min(buckets) // BLOCK * BLOCK
        """The index of the first count; a multiple of BLOCK."""
        self.counts = array(_code(count))
        self.add(buckets, count)

    def copy(self) -> "Dense":
        """Another one with the same counts."""
        made = Dense({self.base: 0}, 0)
        made.counts = self.counts[:]
        return made

    def add(self, buckets: Mapping[int, int], count: int) -> None:
        """Add a dict's counts."""
        self._widen(min(buckets), max(buckets), count)
        counts, base = self.counts, self.base
        for index, more in buckets.items():
            counts[index - base] += more

    def merge(self, other: "Dense", count: int) -> None:
        """Add another's counts."""
        low, high = other.base, other.base + len(other.counts)
        self._widen(low, high - 1, count)
        start, end = low - self.base, high - self.base
        self.counts[start:end] = array(self.counts.typecode, map(add, self.counts[start:end], other.counts))

    def _widen(self, lowest: int, highest: int, count: int) -> None:
        if count >= NARROW and self.counts.typecode == _code(0):
            self.counts = array(_code(count), self.counts)
        counts = self.counts
        if lowest < self.base:
            base = lowest // BLOCK * BLOCK
            self.counts = counts = array(counts.typecode, bytes((self.base - base) * counts.itemsize)) + counts
            self.base = base
        if (lacking := highest + 1 - self.base - len(counts)) > 0:
            counts.frombytes(bytes(-(-lacking // BLOCK) * BLOCK * counts.itemsize))

    def items(self) -> Iterator[tuple[int, int]]:
        """(index, count) of those that hold something, ascending."""
        return ((index, count) for index, count in enumerate(self.counts, self.base) if count)

    def coarse(self, exact: int) -> dict[int, int]:
        """The same with each eight buckets from index `exact` on (a multiple of 8) as one, named by its fifth."""
        start = max(exact - self.base, 0)
        found = {index: count for index, count in enumerate(self.counts[:start], self.base) if count}
        eights = map(sum, zip(*[iter(self.counts[start:])] * 8, strict=True))
        found.update(
            (index, count) for index, count in zip(_count(self.base + start + 4, 8), eights, strict=False) if count
        )
        return found

    def get(self, index: int, default: int) -> int:
        """The count of one; as a dict's."""
        at = index - self.base
        return self.counts[at] or default if 0 <= at < len(self.counts) else default

    def __setitem__(self, index: int, count: int) -> None:
        self._widen(index, index, count)
        self.counts[index - self.base] = count


Buckets = dict[int, int] | Dense


def merged(ours: Buckets, theirs: Buckets, count: int) -> Buckets:
    """Both, as the first or in its place; `count` is the sum of them."""
    if isinstance(ours, Dense):
        if isinstance(theirs, Dense):
            ours.merge(theirs, count)
        else:
            ours.add(theirs, count)
        return ours
    if isinstance(theirs, Dense):
        made = theirs.copy()
        return merged(made, ours, count) if ours else made
    if not ours:
        return theirs.copy()
    for index, more in theirs.items():
        ours[index] = ours.get(index, 0) + more
    return ours


def at_rank(buckets: Buckets, rank: int) -> int:
    """The index of the bucket that holds the value of a rank, from 1 to the sum of all counts."""
    if isinstance(buckets, Dense):
        return buckets.base + bisect_left(list(accumulate(buckets.counts)), rank)
    indexes = sorted(buckets)
    return indexes[bisect_left(list(accumulate(map(buckets.__getitem__, indexes))), rank)]


def _code(count: int) -> str:
    return "I" if count < NARROW else "Q"
