"""A comparison as lines for a console."""

import math
from collections.abc import Iterator

from loadtest.compare.comparison import Comparison, Difference

__all__ = ["HEAD", "cells", "method", "to_text"]

HEAD = ("figure", "first", "second", "change", "interval", "verdict")


def to_text(comparison: Comparison) -> str:
    """The conclusion, a table, and how it was come by."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    yield ""
    yield f"  {comparison.sentence}"
    yield ""
    yield f"  first:  {comparison.first.facts.run_id}"
    yield f"  second: {comparison.second.facts.run_id}"
    yield ""
    rows = [HEAD, *(cells(difference) for difference in comparison.differences)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        first, *middle, last = [
            cell.ljust(width) if column in (0, len(HEAD) - 1) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  " + "  ".join((first, *middle, last)).rstrip()
    yield ""
    yield from (f"  {note}" for note in comparison.notes)
    yield from (f"  {sentence}" for sentence in method(comparison))


def cells(difference: Difference) -> tuple[str, ...]:
    """A row of the table."""
    unit = difference.figure.unit
    space = "" if unit in ("%", "/s") else " "
    means = ("–" if e is None else f"{e.mean:,.4g}{space}{unit}" for e in (difference.first, difference.second))
    found = difference.change
    changes = (
        ("–", "–") if found is None else (_percent(found.share), f"{_percent(found.low)} … {_percent(found.high)}")
    )
    return (difference.figure.title, *means, *changes, difference.verdict)


def _percent(share: float) -> str:
    if math.isinf(share):
        return "from 0" if share > 0 else "−∞"
    return f"{100 * share:+.1f} %".replace("-", "−")


def method(comparison: Comparison) -> Iterator[str]:
    """How it was compared, in sentences."""
    each = f"{100 * comparison.confidence:.2f} %"
    yield f"Means over the seconds of the plateau; each interval holds the true change with {each}, all with 99 %."
    yield "Neighbouring seconds resemble each other, which the means' errors count (Newey–West, Bartlett weights)."
    yield "Intervals of times also hold the errors of the clocks and the generators' lag."
    least = f"{100 * comparison.fail_on:.3g} %"
    yield f"A regression is worse by more than {least}, and its interval excludes that nothing changed."
