"""Dividing a number of users among groups so that none is lost, and none is moved for another's sake."""

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Part", "apportion", "split"]


@dataclass(frozen=True, slots=True)
class Part:
    """How a group takes part in a total: `count` users of the peak, or its share of what the counts leave."""

    count: int | None = None
    share: float = 1.0


def apportion(total: int, weights: Sequence[int | Fraction]) -> list[int]:
    """Split `total` by weight, exactly, by Webster's rule (a divisor method, so house-monotone).

    House-monotone: a growing total never takes one away from anybody, so a ramp only ever starts users. Equal claims go
    to the earlier group. Whole quotas are met exactly. If nobody has weight, nobody gets anything.
    """
    whole = sum(weights)
    if total <= 0 or not whole:
        return [0] * len(weights)
    seats = [math.floor((2 * total * weight + whole) / Fraction(2 * whole)) for weight in weights]
    missing = total - sum(seats)
    if missing > 0:
        queue = [(-Fraction(w) / (2 * s + 1), i) for i, (w, s) in enumerate(zip(weights, seats, strict=True)) if w]
    else:
        queue = [(Fraction(w) / (2 * s - 1), -i) for i, (w, s) in enumerate(zip(weights, seats, strict=True)) if s]
    heapq.heapify(queue)
    for _ in range(abs(missing)):
        _, key = queue[0]
        i = abs(key)
        seats[i] += 1 if missing > 0 else -1
        rank = Fraction(weights[i]) / (2 * seats[i] + (1 if missing > 0 else -1))
        if missing > 0 or seats[i]:
            heapq.heapreplace(queue, (-rank if missing > 0 else rank, key))
        else:
            heapq.heappop(queue)
    return seats


def split(total: int, parts: Sequence[Part], peak: int) -> list[int]:
    """The groups' peaks when `peak` users become `total`: counts first, then the rest by share."""
    counts = [part.count for part in parts if part.count is not None]
    *fixed, rest = apportion(total, [*counts, max(0, peak - sum(counts))])
    shares = iter(apportion(rest, [Fraction(part.share) for part in parts if part.count is None]))
    taken = iter(fixed)
    return [next(shares) if part.count is None else next(taken) for part in parts]
