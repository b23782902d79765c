"""A chart as a table of text: what the page draws, and what it can be read as. Which charts there are is another's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = ["Chart", "Column", "Shade", "over_time", "thinned"]

BUCKETS = 300
"""At most so many stretches of time in a chart, each with its least and greatest value: a pixel or two wide."""


class Column(NamedTuple):
    """A line of a chart: its name and a value for each second; None where there is none."""

    name: str
    values: Sequence[float | None]


class Shade(NamedTuple):
    """A stretch of run time (s) that is shaded: a ramp, or seconds that were left out."""

    start: float
    end: float
    kind: Literal["ramp", "excluded"]


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart and its table. `rows` are texts: x first, then a cell for each name; empty where there is no value."""

    title: str
    unit: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: Literal["time", "distribution"] = "time"
    x: str = "run time (s)"
    note: str = ""
    log: bool = False
    zero: bool = True
    xs: tuple[str, ...] = ()
    """Where the rows stand on the x axis, if that is not what their first cell says."""


def over_time(
    title: str, unit: str, seconds: Sequence[int], columns: Iterable[Column], *, zero: bool = True
) -> Chart | None:
    """A chart over run time; None if no column has a value. `zero`: its y axis begins at 0."""
    kept = [column for column in columns if any(value is not None for value in column.values)]
    if not kept or not seconds:
        return None
    step = -(-len(seconds) // BUCKETS)
    note = f"Each pair of rows is {step} s: the least and the greatest of their values." if step > 1 else ""
    rows = tuple((_text(x), *map(_text, values)) for x, values in thinned(seconds, [c.values for c in kept], step))
    names = tuple(column.name for column in kept)
    return Chart(title, unit, names, rows, note=note, zero=zero)


def thinned(
    seconds: Sequence[int], columns: Sequence[Sequence[float | None]], step: int
) -> Iterator[tuple[float, list[float | None]]]:
    """Rows for a chart: each second, or with a `step` of more, the least and greatest of each column in so many.

    A peak of a single second thus stays a peak of its full height.
    """
    if step <= 1:
        for index, second in enumerate(seconds):
            yield second, [column[index] for column in columns]
        return
    for start in range(0, len(seconds), step):
        pieces = [[v for v in column[start : start + step] if v is not None] for column in columns]
        yield seconds[start], [min(piece, default=None) for piece in pieces]
        yield seconds[start] + step / 2, [max(piece, default=None) for piece in pieces]


def _text(value: float | None) -> str:
    """As short as four digits allow; empty for None."""
    if value is None:
        return ""
    return str(round(value)) if value == round(value) or abs(value) >= 1000 else f"{value:.4g}"  # noqa: PLR2004 - four digits
