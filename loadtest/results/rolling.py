"""Sums over a sliding window, for what can be added and not be subtracted, such as histograms."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["rolling"]

T = TypeVar("T")


def rolling(items: Iterable[T], length: int, add: Callable[[T, T], T]) -> Iterator[T]:
    """The sum of each `length` consecutive items, with about three additions an item however long the window is.

    Two stacks make a queue: the older half of the window is kept as sums of its suffixes, the newer as one sum. `add`
    must leave both of its arguments as they are.
    """
    suffixes: list[T] = []
    newer: list[T] = []
    total: T | None = None
    for item in items:
        newer.append(item)
        total = item if total is None else add(total, item)
        if len(suffixes) + len(newer) > length:
            if not suffixes:
                suffixes, newer, total = _suffixes(newer, add), [], None
            suffixes.pop()
        if len(suffixes) + len(newer) == length:
            if not suffixes:
                assert total is not None  # noqa: S101 - the window holds an item
                yield total
            else:
                yield suffixes[-1] if total is None else add(suffixes[-1], total)


def _suffixes(items: list[T], add: Callable[[T, T], T]) -> list[T]:
    """The sums of the last, the last two, … of the items; that of all comes last."""
    sums = [items[-1]]
    for item in reversed(items[:-1]):
        sums.append(add(item, sums[-1]))
    return sums
