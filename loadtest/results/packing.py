"""A second of a run in few bytes: names once, indexes of buckets as differences, and all of it deflated."""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from loadtest.histogram import Histogram
from loadtest.results.totals import Series, SeriesKey

if TYPE_CHECKING:
    from loadtest.results.timeline import Second

__all__ = ["HEALTH_DIGITS", "Packer"]

HEALTH_DIGITS = 6
"""Decimals of a figure about a worker: µs, or millionths of a core."""
LEVEL = 1
"""Of zlib: fast; higher levels save a few percent only."""


class Packer:
    """Packs seconds and unpacks its own: the names that it has met are not in the bytes."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._numbers: dict[str, int] = {}

    def pack(self, second: "Second") -> bytes:
        """The sums, gauges and health of a second."""
        totals = second.totals
        flat = [
            [self._series(key, series) for key, series in totals.series.items()],
            self._counts(totals.counters),
            self._counts(totals.errors),
            self._counts(second.gauges),
            self._counts(
                {
                    worker: {name: round(value * 10**HEALTH_DIGITS) for name, value in health.items()}
                    for worker, health in second.health.items()
                }
            ),
            self._counts({"": {group: self._number(kind) for group, kind in totals.kinds.items()}}),
            [totals.clock_error(), totals.skew_floor()],
            [self._number(group) for group in totals.slow],
        ]
        return zlib.compress(msgspec.msgpack.encode(flat), LEVEL)

    def unpack(self, packed: bytes, into: "Second") -> None:
        """Fill an empty second with what was packed."""
        series, counters, errors, gauges, health, kinds, bounds, slow = msgspec.msgpack.decode(zlib.decompress(packed))
        for flat in series:
            key, found = self._read_series(flat)
            into.totals.series[key] = found
        for group, counts in self._read_counts(counters):
            into.totals.counters[group].update(counts)
        for group, counts in self._read_counts(errors):
            into.totals.errors[group].update(counts)
        for group, counts in self._read_counts(gauges):
            into.gauges[group].update(counts)
        for worker, figures in self._read_counts(health):
            into.health[worker] = {name: value / 10**HEALTH_DIGITS for name, value in figures.items()}
        for _, groups in self._read_counts(kinds):
            into.totals.kinds |= {group: self._names[number] for group, number in groups.items()}
        into.totals.note_clock_error(bounds[0])
        into.totals.note_skew_floor(bounds[1])
        into.totals.slow.update(self._names[number] for number in slow)

    def _number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def _series(self, key: SeriesKey, series: Series) -> list[Any]:
        named = [self._number(part) for part in key]
        counts = (series.count, series.failures, series.size, series.excluded)
        return [*named, *counts, series.step, *series.histogram.packed()]

    def _read_series(self, flat: list[Any]) -> tuple[SeriesKey, Series]:
        group, kind, measure, name = (self._names[number] for number in flat[:4])
        count, failures, size, excluded, step, *times = flat[4:]
        seen = Series(count, failures, size, Histogram.unpacked(times), excluded, step)
        return SeriesKey(group, kind, measure, name), seen

    def _counts(self, table: Mapping[str, Mapping[str, int]]) -> list[list[int]]:
        """For each row: its name, then name and count of each cell."""
        return [
            [self._number(row), *(number for name, count in cells.items() for number in (self._number(name), count))]
            for row, cells in table.items()
        ]

    def _read_counts(self, rows: Iterable[list[int]]) -> Iterable[tuple[str, Counter[str]]]:
        for row, *cells in rows:
            yield self._names[row], Counter({self._names[n]: v for n, v in zip(cells[::2], cells[1::2], strict=True)})
