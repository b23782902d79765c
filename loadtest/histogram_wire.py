"""A histogram off the wire, checked: [total, min, max, clamped, [index, count, index, count, …]]."""

import math
from array import array
from typing import Any

from loadtest.bucket_layout import HIGHEST_S, index_of
from loadtest.buckets import Pairs, ascending

__all__ = ["Figures", "figures_of", "pairs_of"]

MOST = 1 << 40
"""More values than that are in no Record."""
Figures = tuple[float, float, float, int, Pairs, int]
"""total, min, max (s), clamped, buckets, count"""


def pairs_of(flat: Any) -> Pairs:
    """Index, count, index, count, …; raises OverflowError where one is negative, or has more than 64 bits."""
    try:
        return array("I", flat)
    except OverflowError:
        return array("Q", flat)


def figures_of(wire: Any) -> Figures:
    """What the wire says, if its parts agree with each other.

    Raises:
        TypeError, ValueError, OverflowError: they do not.
    """
    total, low, high, clamped, flat = wire
    total, low, high = _time(total), _time(low), _time(high)
    # a hundred of these come with every second of every worker: loops that Python does not run itself
    if type(clamped) is not int or type(flat) not in (list, tuple) or not set(map(type, flat)) <= {int}:
        raise ValueError("not whole numbers")
    if not flat:
        if total or low or high or clamped:
            raise ValueError("figures of nothing")
        return total, low, high, clamped, array("I"), 0
    if len(flat) % 2:
        raise ValueError("a bucket without a count")
    pairs = pairs_of(flat)
    counts = pairs[1::2]
    count = sum(counts)
    if not ascending(pairs) or max(counts) >= MOST or not 0 <= clamped <= count < MOST:
        raise ValueError("not counts of buckets")
    if not low <= high <= HIGHEST_S or (index_of(low), index_of(high)) != (pairs[0], pairs[-2]):
        raise ValueError("not the ends of the buckets")
    slack = 1e-9 * total  # of a sum of floats
    if not low * count - slack <= total <= high * count + slack:
        raise ValueError("not the sum of the buckets")
    return total, low, high, clamped, pairs, count


def _time(number: Any) -> float:
    """A number of seconds off the wire; raises TypeError, ValueError or OverflowError."""
    if type(number) is not float and type(number) is not int:
        raise TypeError("not a number")
    if not 0.0 <= number < math.inf:
        raise ValueError("no time")
    return float(number)
