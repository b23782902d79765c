"""The workers of a run side by side, for a console: what each did and saw, and which of them differs."""

from collections.abc import Iterator, Sequence

from loadtest.report.facts import RunFacts
from loadtest.results import Summary, outliers

__all__ = ["worker_lines"]

SHOWN = 4
"""Rows; those that differ come first, and more workers than that are only counted."""
HASH = 6
"""Locust names a worker by its host and 32 hexadecimal digits; so many tell them apart."""
HEAD = ("worker", "users", "messages", "requests", "delivery p99", "response p99", "lag p99", "CPU", "left out")


def worker_lines(facts: RunFacts, summary: Summary) -> Iterator[str]:
    """A table of the workers, if there are several; times in ms, `left out` in seconds whose timings don't count."""
    if len(facts.workers) < 2:  # noqa: PLR2004 - one has nobody to differ from
        return
    known = {worker: summary.workers[worker].totals for worker in facts.workers if worker in summary.workers}
    differ: dict[str, list[str]] = {}
    for outlier in outliers(known):
        differ.setdefault(outlier.worker, []).append(f"{outlier.measure} p{outlier.percentile:g}")
    left_out = {worker: len(summary.exclusions.over.get(worker, ())) for worker in facts.workers}
    order = sorted(facts.workers, key=lambda worker: (worker not in differ, -left_out[worker], worker))
    rows = [_row(worker, summary, left_out[worker]) for worker in order[:SHOWN]]
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD))]
    yield _line(HEAD, widths)
    for worker, row in zip(order, rows, strict=False):
        its = differ.get(worker)
        yield _line(row, widths) + (f"  ← differs: {', '.join(its)}" if its else "")
    if len(order) > SHOWN:
        yield f"  … and {len(order) - SHOWN} more workers, in report.html"


def _row(worker: str, summary: Summary, left_out: int) -> tuple[str, ...]:
    its = summary.workers[worker]
    times = (_ms(its.totals.histogram(None, measure).percentile(99)) for measure in ("delivery", "response", "lag"))
    cpu = its.worst.get("cpu")
    counts = (f"{its.peak_users:,}", f"{its.messages:,}", f"{its.requests:,}")
    return (_short(worker), *counts, *times, "–" if cpu is None else f"{cpu:.0%}", f"{left_out:,} s")


def _short(worker: str) -> str:
    host, _, digits = worker.rpartition("_")
    return f"{host}_{digits[:HASH]}" if host and len(digits) == 32 else worker  # noqa: PLR2004 - a UUID's


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:,.3g}" if seconds < 1 else f"{seconds * 1000:,.0f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  " + "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()
