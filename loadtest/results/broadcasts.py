"""What became of broadcasts, as Totals of the second in which each began. Judging them is fanout's."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from loadtest.fanout import Outcome
from loadtest.results.totals import SeriesKey, Totals

__all__ = ["totals_of"]


def totals_of(outcomes: Iterable[Outcome]) -> Mapping[int, Totals]:
    """Run second -> counters and skews."""
    found: dict[int, Totals] = defaultdict(Totals)
    for outcome in outcomes:
        _add(found[outcome.second], outcome)
    return found


def _add(totals: Totals, outcome: Outcome) -> None:
    counts = totals.counters[outcome.group]
    if not outcome.judged:
        counts["broadcasts_unjudged"] += outcome.broadcasts
        return
    counts["broadcasts"] += outcome.broadcasts
    counts["expected_deliveries"] += outcome.expected
    counts["counted_deliveries"] += outcome.counted
    if not outcome.numbered and outcome.expected > outcome.counted:
        counts["lost"] += outcome.expected - outcome.counted  # of numbered ones, the workers have counted it already
    if outcome.skew is not None:
        series = totals.series[SeriesKey(outcome.group, "websocket", "skew", outcome.path)]
        series.count += 1
        series.histogram.record(outcome.skew)
        totals.kinds[outcome.group] = "websocket"
        totals.note_skew_floor(outcome.error)
