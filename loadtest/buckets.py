"""Counts of buckets side by side: what a histogram keeps them in that has many of them.

A dict takes about 100 bytes a bucket, and so grows for as long as times fall into buckets that are new: for hours, at
the precision of a histogram. Here a bucket takes 4 bytes (8 beyond 2³² values), used or not, and nothing grows once the
range is there.

A master adds up hundreds of thousands of buckets a second, and does that with NumPy. It is imported when something is
added up for the first time: a worker only records, and is spared its 25 MB.
"""

import os
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np

    Counts = np.ndarray[Any, np.dtype[Any]]

__all__ = ["Buckets", "Dense", "Pairs", "ascending", "at_rank", "merged", "packs_well", "plain"]

Pairs: TypeAlias = "array[int]"
"""Buckets as they come off the wire: index, count, index, count, …; indexes ascending."""
BLOCK = 256
"""Buckets that are added at a time."""
LEAST = 64
"""Fewer are never worth it."""
APART = 64
"""One bucket in so many in use: a dict would soon take more, and go on growing."""
NARROW = 1 << 32


@cache
def _numpy() -> "ModuleType":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # it would start one for each core, and here is nothing for them
    import numpy  # noqa: ICN001, PLC0415 - see above

    return numpy


def packs_well(buckets: int, low: int, high: int) -> bool:
    """Whether so many buckets from index `low` to `high` take less side by side than in a dict."""
    return buckets >= LEAST and buckets * APART > high - low


def ascending(pairs: Pairs) -> bool:
    """Whether each index is above the one before it, and no count is 0."""
    numbers = _view(pairs)
    indexes, counts = numbers[::2], numbers[1::2]
    return bool((indexes[1:] > indexes[:-1]).all() and counts.all())


def plain(parts: Sequence[Pairs]) -> dict[int, int]:
    """All of them as one dict."""
    buckets: dict[int, int] = {}
    for pairs in parts:
        for index, count in zip(pairs[::2], pairs[1::2], strict=True):
            buckets[index] = buckets.get(index, 0) + count
    return buckets


def _view(numbers: "array[int]") -> "Counts":
    found: Counts = _numpy().frombuffer(numbers, numbers.typecode)
    return found


class Dense:
    """Index -> count. Made of a dict's, added to by more of them; what was never added counts 0.

    `count` is the sum of all that is in, once that is done which it is given to.
    """

    __slots__ = ("base", "counts")

    def __init__(self, buckets: Mapping[int, int], count: int) -> None:
        self.base = min(buckets, default=0) // BLOCK * BLOCK
        """The index of the first count; a multiple of BLOCK."""
        self.counts = array(_code(count))
        if buckets:
            self.add(buckets, count)

    def copy(self) -> "Dense":
        """Another one with the same counts."""
        made = Dense({}, 0)
        made.base, made.counts = self.base, self.counts[:]
        return made

    def add(self, buckets: Mapping[int, int], count: int) -> None:
        """Add a dict's counts."""
        self._widen(min(buckets), max(buckets), count)
        counts, base = self.counts, self.base
        for index, more in buckets.items():
            counts[index - base] += more

    def add_all(self, parts: Sequence[Pairs], count: int) -> None:
        """Add what came off the wire."""
        numpy = _numpy()
        indexes = numpy.concatenate([_view(pairs)[::2] for pairs in parts])
        counts = numpy.concatenate([_view(pairs)[1::2] for pairs in parts])
        if not self.counts:
            self.base = int(indexes.min()) // BLOCK * BLOCK
        self._widen(int(indexes.min()), int(indexes.max()), count)
        ours = _view(self.counts)
        numpy.add.at(ours, indexes.astype("i8") - self.base, counts.astype(ours.dtype))

    def merge(self, other: "Dense", count: int) -> None:
        """Add another's counts."""
        low, high = other.base, other.base + len(other.counts)
        self._widen(low, high - 1, count)
        ours, theirs = _view(self.counts), _view(other.counts)
        ours[low - self.base : high - self.base] += theirs.astype(ours.dtype)

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
        counts = _view(self.counts)
        used = counts.nonzero()[0]
        return zip((used + self.base).tolist(), counts[used].tolist(), strict=True)

    def coarse(self, exact: int) -> dict[int, int]:
        """The same with each eight buckets from index `exact` on (a multiple of 8) as one, named by its fifth."""
        start = max(exact - self.base, 0)
        counts = _view(self.counts)
        found = {index: count for index, count in enumerate(self.counts[:start], self.base) if count}
        eights = counts[start:].reshape(-1, 8).sum(axis=1, dtype="u8")
        used = eights.nonzero()[0]
        indexes = (used * 8 + self.base + start + 4).tolist()
        found.update(zip(indexes, eights[used].tolist(), strict=True))
        return found

    def at_rank(self, rank: int) -> int:
        """The index of the bucket that holds the value of a rank, from 1 to the sum of all counts."""
        return self.base + int(_view(self.counts).cumsum(dtype="i8").searchsorted(rank))

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
        elif theirs:
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
        return buckets.at_rank(rank)
    indexes = sorted(buckets)
    return indexes[bisect_left(list(accumulate(map(buckets.__getitem__, indexes))), rank)]


def _code(count: int) -> str:
    return "I" if count < NARROW else "Q"
