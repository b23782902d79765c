"""A run second by second as plain figures, and those as `timeline.csv`. Charts and comparisons read the same rows."""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from loadtest.results import Second, Summary, Totals

__all__ = ["COLUMNS", "MEASURES", "PERCENTILES", "Row", "read_csv", "rows_of", "to_csv"]

MEASURES = ("delivery", "response", "service", "skew", "ping", "gap", "connect", "freshness")
PERCENTILES = (50, 95, 99)

COUNTED = ("connects", "connected", "messages", "requests")


@dataclass(frozen=True, slots=True)
class Row:
    """One run second over all workers and groups. Times are in ms, shares in %; None (or absent) is without samples."""

    second: int
    phase: str
    workers: int
    users: int
    open: int
    counts: Counter[str]
    """Every counter."""
    errors: Counter[str]
    """Name -> how many."""
    times: dict[str, float] = field(default_factory=dict)
    """Such as delivery_p95_ms."""
    completeness: float | None = None
    health: dict[str, dict[str, float]] = field(default_factory=dict)
    """Worker -> what it said of itself."""
    excluded: tuple[str, ...] = ()
    """Workers whose timings of this second are left out."""

    def worst(self, name: str) -> float | None:
        """The highest of a health value over the workers."""
        return max((values[name] for values in self.health.values() if name in values), default=None)

    def cells(self) -> dict[str, str]:
        """What stands in `timeline.csv`, by column."""
        found: dict[str, float | None] = {
            **{name: self.counts[name] for name in COUNTED},
            "errors": self.errors.total(),
            "completeness_percent": self.completeness,
            "cpu_max": self.worst("cpu"),
            "lag_max_ms": None if (lag := self.worst("lag_max")) is None else lag * 1000,
            "clock_error_ms": None if (error := self.worst("clock_error")) is None else error * 1000,
            **self.times,
        }
        states = (self.second, self.phase, self.workers, self.users, self.open, len(self.excluded))
        return dict(zip(STATE, map(str, states), strict=True)) | {name: _text(found.get(name)) for name in FIGURES}


STATE = ("second", "phase", "workers", "users", "open", "excluded")
FIGURES = (
    *COUNTED,
    "errors",
    "completeness_percent",
    *(f"{measure}_p{p}_ms" for measure in MEASURES for p in PERCENTILES),
    "cpu_max",
    "lag_max_ms",
    "clock_error_ms",
)
COLUMNS = (*STATE, *FIGURES)
"""Of `timeline.csv`; docs/results.md explains each."""


def _text(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def rows_of(summary: Summary) -> list[Row]:
    """A row for every second of a run, those without anything and those after the plan's end included."""
    return [_row(second, summary.exclusions.workers(second.second)) for second in summary.timeline.whole]


def _row(second: Second, excluded: Iterable[str]) -> Row:
    counts: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for counted in second.totals.counters.values():
        counts.update(counted)
    for named in second.totals.errors.values():
        errors.update(named)
    expected = counts["expected_deliveries"]
    return Row(
        second=second.second,
        phase=second.phase,
        workers=len(second.health),
        users=second.gauge("users"),
        open=second.gauge("open"),
        counts=counts,
        errors=errors,
        times=dict(_times(second.totals)),
        completeness=100 * counts["counted_deliveries"] / expected if expected else None,
        health=second.health,
        excluded=tuple(excluded),
    )


def _times(totals: Totals) -> Iterator[tuple[str, float]]:
    for measure in MEASURES:
        times = totals.histogram(None, measure)
        for p in PERCENTILES:
            value = times.percentile(p)
            if value is not None:
                yield f"{measure}_p{p}_ms", value * 1000


def to_csv(rows: Iterable[Row]) -> str:
    """The rows as `timeline.csv`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells() for row in rows)
    return text.getvalue()


def read_csv(text: str) -> list[dict[str, str]]:
    """The cells of a `timeline.csv`, row by row; raises ValueError if it isn't one."""
    reader = csv.DictReader(io.StringIO(text))
    found = list(reader)
    if (
        reader.fieldnames is None
        or set(STATE) - set(reader.fieldnames)
        or any(None in (*row, *row.values()) for row in found)
    ):
        raise ValueError("not a timeline.csv of this program")
    return found
