"""The tables of a report: where connections went, what each worker and each series was, what failed."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.report.connections import WORST_HEAD, worst_rows
from loadtest.report.facts import RunFacts
from loadtest.report.reconnects import BACK, handshakes_json, reconnects_json
from loadtest.report.slow_consumers import slow_consumer_tables
from loadtest.results import Summary
from loadtest.slo import Verdict

__all__ = ["SloRow", "Table", "slo_rows", "tables_of"]

LEDGER = ("attempted", "established", "failed", "cancelled", "closed by us", "closed by server", "closed by network")


@dataclass(frozen=True, slots=True)
class Table:
    """Texts; the first `words` columns are words and stand left."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1
    note: str = ""
    empty: str = "None."


@dataclass(frozen=True, slots=True)
class SloRow:
    """An SLO as the report shows it."""

    word: str
    text: str
    observed: str
    limit: str
    samples: str
    where: str


def slo_rows(facts: RunFacts) -> list[SloRow]:
    """Every SLO with its verdict, those that were breached first."""
    order = {"fail": 0, "no-data": 1, "warn": 2, "pass": 3}
    return sorted((_slo_row(verdict) for verdict in facts.slos), key=lambda row: order[row.word])


def _slo_row(verdict: Verdict) -> SloRow:
    word = verdict.word
    space = "" if verdict.unit in ("%", "/s", "") else " "
    limit = "" if verdict.limit is None else f"{verdict.limit:.6g}{space}{verdict.unit}"
    return SloRow(word, verdict.text, verdict.figure, limit, f"{verdict.samples:,}", verdict.where)


def tables_of(facts: RunFacts, summary: Summary) -> Iterator[Table]:
    """Ledger, workers, figures, errors."""
    groups = [group for group, kind in sorted(summary.kinds.items()) if kind == "websocket"]
    if groups:
        yield Table(
            "Where connections went",
            ("group", *LEDGER, "open", "pending"),
            tuple(_ledger_row(group, summary) for group in groups),
            note="Attempted = established + failed + cancelled + pending; established = closed + open.",
        )
        yield Table(
            "How connections ended, by cause",
            ("group", "cause", "count"),
            tuple(
                (group, why, f"{n:,}")
                for group in groups
                for why, n in summary.endings.get(group, Counter()).most_common()
            ),
            words=2,
            empty="None ended or failed.",
        )
        yield Table("Handshakes and reconnects", *_reconnects(groups, summary))
    for title, head, rows, note in slow_consumer_tables(summary):
        yield Table(title, head, rows, note=note)
    if worst := tuple(worst_rows(summary)):
        note = "Of each group those that missed most. Seconds of run time; a silence is looked at once a second."
        yield Table("Connections that missed most", WORST_HEAD, worst, words=3, note=note)
    yield Table("Workers", *_workers(facts, summary), empty="No worker took part.")
    yield Table(
        "Figures",
        ("group", "measure", "name", "count", "failed", "samples", "mean ms", "p50 ms", "p95 ms", "p99 ms", "max ms"),
        tuple(_figures(summary)),
        words=3,
        empty="Nothing was measured.",
    )
    errors = sorted(
        ((count, group, name) for group, names in summary.errors.items() for name, count in names.items()), reverse=True
    )
    rows = tuple((name, group, f"{count:,}") for count, group, name in errors)
    yield Table("Errors", ("error", "group", "count"), rows, words=2, empty="No error was counted.")


def _ledger_row(group: str, summary: Summary) -> tuple[str, ...]:
    ledger = summary.ledger(group)
    counts = (
        *(ledger.attempted, ledger.established, ledger.failed, ledger.cancelled),
        *(ledger.closed_by_us, ledger.closed_by_server, ledger.closed_by_network, ledger.open, ledger.pending),
    )
    return (group, *(f"{count:,}" for count in counts))


def _reconnects(groups: list[str], summary: Summary) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    counts = ("begun in a second", "established in a second", "came back", "of")
    head = ("group", *counts, *(f"{share} % back after ms" for share in BACK), "missed meanwhile")
    storms = reconnects_json(summary)
    rows = []
    for group in groups:
        peaks, storm = handshakes_json(summary, group).values(), storms.get(group)
        row = [group, *(f"{peak:,}" for peak in peaks)]
        if storm is None:
            row += ["–"] * (3 + len(BACK))
        else:
            times = (storm[f"back_{share}_ms"] for share in BACK)
            row += [f"{storm['back']:,}", f"{storm['count']:,}"]
            row += ["never" if ms is None else f"{ms:,.4g}" for ms in times]
            row.append(f"{storm['missed_meanwhile']:,}")
        rows.append(tuple(row))
    return head, tuple(rows)


def _workers(facts: RunFacts, summary: Summary) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    known = sorted({name for worker in facts.workers for name in summary.workers[worker].worst})
    head = ("worker", "reports", "peak users", "messages", "requests", *(_health_name(name) for name in known))
    rows = []
    for worker in facts.workers:
        totals = summary.workers[worker]
        state = "missing" if worker in facts.missing else "complete" if facts.finished else "so far"
        counts = (f"{totals.peak_users:,}", f"{totals.messages:,}", f"{totals.requests:,}")
        worst = (f"{totals.worst[name]:.4g}" if name in totals.worst else "–" for name in known)
        rows.append((worker, state, *counts, *worst))
    return head, tuple(rows)


def _health_name(name: str) -> str:
    seconds = name in ("lag_max", "clock_error", "clock_offset", "gc_max", "send_lag", "throttled")
    return f"worst {name.replace('_', ' ')}{' (s)' if seconds else ''}"


def _figures(summary: Summary) -> Iterator[tuple[str, ...]]:
    def ms(seconds: float | None) -> str:
        return "–" if seconds is None else f"{seconds * 1000:,.4g}"

    for key, series in sorted(summary.series.items()):
        times = series.histogram
        figures = (times.mean, *(times.percentile(p) for p in (50, 95, 99)), times.max)
        counts = (f"{series.count:,}", f"{series.failures:,}", f"{times.count:,}")
        yield (key.group, key.measure, key.name, *counts, *map(ms, figures))
