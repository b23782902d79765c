"""slo/verdict.py: when a threshold holds, by what was measured."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import pytest

from loadtest.histogram import Histogram
from loadtest.slo import Phase, Threshold, Verdict, judge, parse

GROUPS = {"subscribers": "websocket", "pollers": "rest"}


def read(text: str) -> Threshold:
    return parse(text, GROUPS)


@dataclass
class Given:
    """Figures as a run would have them; `by_second` holds those of its seconds, `phases` what they belong to."""

    times: list[float] = field(default_factory=list)
    bound: float = 0.0
    errors: tuple[float | None, int] = (None, 0)
    counters: dict[str, int] = field(default_factory=dict)
    tried: int = 0
    by_second: dict[int, "Given"] = field(default_factory=dict)
    phases: dict[Phase, Sequence[int]] = field(default_factory=dict)
    asked: list[object] = field(default_factory=list)
    fast: "Given | None" = None

    @property
    def seconds(self) -> Sequence[int]:
        return sorted(self.by_second)

    @property
    def at_full_speed(self) -> "Given":
        return self.fast or self

    def histogram(self, scope: str | None, measure: str, name: str | None = None) -> Histogram:
        self.asked.append((scope, measure, name))
        histogram = Histogram()
        for time in self.times:
            histogram.record(time)
        return histogram

    def attempts(self, scope: str | None, measure: str) -> int:
        self.asked.append((scope, measure))
        return self.tried

    def error(self, scope: str | None, measure: str, name: str | None = None) -> float:
        self.asked.append((scope, measure, name))
        return self.bound * {"skew": 2, "delivery": 1}.get(measure, 0)

    def counted(self, scope: str | None, name: str) -> int:
        self.asked.append((scope, name))
        return self.counters.get(name, 0)

    def error_ratio(self, scope: str | None) -> tuple[float | None, int]:
        self.asked.append(scope)
        return self.errors

    def during(self, phase: Phase) -> "Given":
        return self.part(self.phases.get(phase, ()))

    def window(self, first: int, last: int) -> "Given":
        return self.part(range(first, last + 1))

    def windows(self, phase: Phase, length: int) -> Iterator[tuple[int, "Given"]]:
        seconds = self.seconds if phase == "all" else self.phases.get(phase, ())
        for last in seconds:
            window = range(last + 1 - length, last + 1)
            if set(window) <= set(seconds):
                yield last, self.part(window)

    def part(self, seconds: Sequence[int]) -> "Given":
        chosen = {second: self.by_second[second] for second in seconds if second in self.by_second}
        times = [time for given in chosen.values() for time in given.times]
        counters = sum((Counter(given.counters) for given in chosen.values()), Counter())
        return Given(times, self.bound, counters=counters, by_second=chosen)


def run_of(*seconds: list[float], first: int = 0, **phases: Sequence[int]) -> Given:
    """A run whose seconds, from `first` on, have these times (s) and one message for each of them."""
    by_second = {
        second: Given(times, counters={"messages": len(times)}) for second, times in enumerate(seconds, start=first)
    }
    whole = Given(by_second=by_second, phases=phases)  # type: ignore[arg-type]
    part = whole.part(whole.seconds)
    return Given(part.times, counters=part.counters, by_second=by_second, phases=whole.phases)


@pytest.mark.parametrize(
    ("text", "times", "clock_error", "outcome"),
    [
        ("websocket delivery p50 < 100ms", [0.09], 0.009, "pass"),  # 90 ± 9
        ("websocket delivery p50 < 100ms", [0.09], 0.011, "no-data"),  # 90 ± 11: nobody knows
        ("websocket delivery p50 < 100ms", [0.12], 0.03, "no-data"),  # 120 ± 30
        ("websocket delivery p50 < 100ms", [0.12], 0.01, "fail"),  # 120 ± 10
        ("websocket delivery p50 > 100ms", [0.12], 0.01, "pass"),
        ("websocket delivery p50 > 100ms", [0.12], 0.03, "no-data"),
        ("websocket delivery p50 > 100ms", [0.08], 0.01, "fail"),
        ("websocket gap p50 < 100ms", [0.09], 0.5, "pass"),  # a clock's error is no matter without clocks
        ("rest response p50 < 100ms", [0.09], 0.5, "pass"),
        ("rest response p50 < 100ms", [0.11], 0.5, "fail"),
        ("rest response max < 250ms", [0.25], 0.0, "fail"),  # not less
        ("rest response max <= 250ms", [0.25], 0.0, "pass"),
        ("rest response max >= 250ms", [0.25], 0.0, "pass"),
        ("rest response max > 250ms", [0.25], 0.0, "fail"),
        ("rest response p50 < 100ms", [], 0.0, "no-data"),  # no samples prove nothing
        ("rest response max > 1ms", [], 0.0, "no-data"),
        ("rest response mean > 1ms", [], 0.0, "no-data"),
    ],
)
def test_an_slo_passes_or_fails_only_beyond_the_error(
    text: str, times: list[float], clock_error: float, outcome: str
) -> None:
    assert judge(read(text), Given(times, clock_error)).outcome == outcome


@pytest.mark.parametrize(
    ("aggregate", "observed"),
    [
        ("p50", 20.0),  # rank 2 of 4, in ms
        ("p75", 30.0),
        ("p99", 100.0),
        ("max", 100.0),
        ("mean", 40.0),  # 160 / 4
    ],
)
def test_the_aggregate_says_which_figure_is_judged(aggregate: str, observed: float) -> None:
    verdict = judge(read(f"rest {aggregate} < 1000ms"), Given([0.01, 0.02, 0.03, 0.1]))
    assert verdict.observed == pytest.approx(observed, rel=1e-3)
    assert (verdict.samples, verdict.error, verdict.unit) == (4, 0.0, "ms")


@pytest.mark.parametrize(
    ("gaps", "outcome"),
    [
        ([0.4, 0.6], "pass"),  # 100 ± 0.25 ms from 500
        ([0.3, 0.7], "fail"),  # 200 ± 0.25
        ([0.3498, 0.6502], "no-data"),  # 150.2 ± 0.25: the buckets can't tell
        ([0.5], "pass"),  # one gap is even
        ([], "no-data"),
    ],
)
def test_a_jitter_is_the_mean_distance_from_the_mean_gap_within_what_buckets_tell(
    gaps: list[float], outcome: str
) -> None:
    verdict = judge(read("websocket gap jitter < 150ms"), Given(gaps))
    assert (verdict.outcome, verdict.samples) == (outcome, len(gaps))
    if gaps:
        assert verdict.error == pytest.approx(0.0005 * sum(gaps) / len(gaps) * 1000)


def test_what_is_judged_is_that_of_the_scope_measure_and_name() -> None:
    figures = Given([0.01], errors=(0.0, 1))
    judge(read('pollers service "GET /x" p99 < 1s'), figures)
    judge(read("pollers errors < 1%"), figures)
    judge(read("errors < 1%"), figures)
    assert figures.asked == [("pollers", "service", "GET /x")] * 2 + ["pollers", None]  # the times, and their error


@pytest.mark.parametrize(
    ("errors", "outcome", "observed"),
    [
        ((0.0, 500), "pass", 0.0),
        ((0.009, 1000), "pass", 0.9),
        ((0.01, 1000), "fail", 1.0),  # not less than 1 %
        ((None, 0), "no-data", None),  # nothing was tried
    ],
)
def test_errors_are_judged_as_a_share(errors: tuple[float | None, int], outcome: str, observed: float | None) -> None:
    verdict = judge(read("errors < 1%"), Given(errors=errors))
    assert (verdict.outcome, verdict.observed, verdict.samples) == (outcome, pytest.approx(observed), errors[1])


@pytest.mark.parametrize("percent", range(1, 100))
def test_a_share_that_equals_the_limit_is_not_less(percent: int) -> None:
    assert judge(read(f"errors < {percent}%"), Given(errors=(percent / 100, 100))).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "figures", "line"),
    [
        (
            "websocket delivery p99 < 100ms",
            Given([0.0125] * 1234, 0.0003),
            "pass    websocket delivery p99 < 100ms               observed 12.5 ± 0.3 ms (n=1,234)",
        ),
        (
            "lost <= 0",
            Given(counters={"lost": 3, "messages": 60, "sequenced": 50}),
            "fail    lost <= 0                                    observed 3 (n=50)",
        ),
        (
            "lost <= 0 warn",
            Given(counters={"lost": 3, "messages": 60, "sequenced": 50}),
            "warn    lost <= 0 warn                               observed 3 (n=50)",
        ),
        (
            "rate > 950/s during all",
            run_of([0.1] * 951, [0.1] * 951),
            "pass    rate > 950/s during all                      observed 951/s (n=1,902)",
        ),
        (
            "reconnected 95% < 5s",
            Given([0.1], tried=2),
            "fail    reconnected 95% < 5s                         observed never (n=2)",
        ),
        (
            "websocket gap max < 200ms for 2s",
            run_of([0.1], [0.3], [0.1], [0.1]),
            "fail    websocket gap max < 200ms for 2s             observed 300 ms (n=2, worst: 0s–2s)",
        ),
        (
            "errors < 1%",
            Given(errors=(0.05, 20)),
            "fail    errors < 1%                                  observed 5% (n=20)",
        ),
        (
            "rest max < 1000ms",
            Given([1.2345]),
            "fail    rest response max < 1000ms                   observed 1,234 ms (n=1)",
        ),
        ("rest p95 < 1s", Given(), "no-data rest response p95 < 1s                       no samples"),
    ],
)
def test_a_verdict_prints_as_a_line_for_the_console(text: str, figures: Given, line: str) -> None:
    assert str(judge(read(text), figures)) == line


@pytest.mark.parametrize(
    ("text", "counters", "outcome", "observed", "samples"),
    [
        ("completeness >= 99.9%", {"expected_deliveries": 1000, "counted_deliveries": 999}, "pass", 99.9, 1000),
        ("completeness >= 99.9%", {"expected_deliveries": 1000, "counted_deliveries": 998}, "fail", 99.8, 1000),
        ("completeness >= 99.9%", {}, "no-data", None, 0),  # no broadcast was counted
        ("missed < 0.1%", {"due": 10_000, "missed": 9}, "pass", 0.09, 10_000),
        ("missed < 0.1%", {"due": 10_000, "missed": 10}, "fail", 0.1, 10_000),
        ("missed < 0.1%", {"missed": 0}, "no-data", None, 0),
        ("lost <= 0", {"messages": 70, "sequenced": 70}, "pass", 0, 70),
        ("lost <= 0", {"messages": 70, "sequenced": 70, "lost": 1}, "fail", 1, 70),
        ("lost <= 0", {"messages": 70}, "no-data", None, 0),  # none had a number: what is missing can't be told
        ("lost <= 0", {}, "no-data", None, 0),  # nothing arrived: that nothing is missing proves nothing
        ("silences < 1", {"connected": 3, "silences": 3}, "fail", 3, 3),  # connected, and never a message
    ],
)
def test_shares_and_counts_are_judged_by_their_counters(
    text: str, counters: dict[str, int], outcome: str, observed: float | None, samples: int
) -> None:
    verdict = judge(read(text), Given(counters=counters))
    assert (verdict.outcome, verdict.samples) == (outcome, samples)
    assert verdict.observed == (None if observed is None else pytest.approx(observed))


def test_a_rate_is_of_the_plateau_and_counts_messages_and_requests() -> None:
    run = run_of([0.1], [0.1] * 20, [0.1] * 30, [0.1], plateau=[1, 2])
    verdict = judge(read("rate > 24/s"), run)
    assert (verdict.outcome, verdict.observed, verdict.samples) == ("pass", 25.0, 50)
    nothing = run_of([], [], [], plateau=[1, 2])  # seconds went by, and nothing came: that is a rate of 0
    assert judge(read("rate > 24/s"), nothing).outcome == "fail"
    assert judge(read("rate > 24/s"), run_of([0.1] * 25, plateau=[])).outcome == "pass"


@pytest.mark.parametrize(
    ("times", "tried", "outcome", "observed"),
    [
        ([1.0] * 95 + [9.0] * 5, 100, "pass", 1.0),  # the 95th of 100
        ([1.0] * 94 + [9.0] * 6, 100, "fail", 9.0),
        ([1.0] * 95, 100, "pass", 1.0),  # five never came back, and 95 % did in time
        ([1.0] * 94, 100, "fail", float("inf")),  # six never came back
        ([], 100, "fail", float("inf")),  # nobody came back: there is no time, but there is a verdict
        ([], 0, "no-data", None),  # nobody was cut
    ],
)
def test_who_never_came_back_counts_against_the_share_of_those_reconnected(
    times: list[float], tried: int, outcome: str, observed: float | None
) -> None:
    verdict = judge(read("reconnected 95% < 5s"), Given(times, tried=tried))
    assert verdict.outcome == outcome
    assert verdict.observed == (None if observed is None else pytest.approx(observed, rel=1e-3))


def test_a_skew_bears_the_error_of_two_clocks() -> None:
    assert judge(read("skew p50 < 30ms"), Given([0.02], 0.004)).outcome == "pass"  # 20 ± 8
    assert judge(read("skew p50 < 30ms"), Given([0.02], 0.006)).outcome == "no-data"  # 20 ± 12


@pytest.mark.parametrize(
    ("text", "seconds", "outcome", "where"),
    [
        # one bad second of ten is diluted over the run and not in its window
        ("gap mean < 20ms", [[0.01]] * 5 + [[0.04]] + [[0.01]] * 5, "pass", ""),
        ("gap mean < 20ms for 2s", [[0.01]] * 5 + [[0.04]] + [[0.01]] * 5, "fail", "4s–6s"),
        ("gap mean < 20ms for 3s", [[0.01]] * 5 + [[0.04]] + [[0.01]] * 5, "fail", "3s–6s"),
        ("gap mean < 20ms for 4s", [[0.01]] * 5 + [[0.04]] + [[0.01]] * 5, "pass", "2s–6s"),
        # a lower limit: the worst is the least
        ("gap mean > 20ms for 1s", [[0.05], [0.03], [0.04]], "pass", "1s–2s"),
        # a window without samples can't be judged, and a breach is worse than that
        ("gap mean < 20ms for 1s", [[0.01], [], [0.01]], "no-data", "1s–2s"),
        ("gap mean < 20ms for 1s", [[0.01], [], [0.03]], "fail", "2s–3s"),
        # no window of that length
        ("gap mean < 20ms for 4s", [[0.01]] * 3, "no-data", "the run, which is shorter than 4s"),
    ],
)
def test_with_for_it_must_hold_in_every_window(text: str, seconds: list[list[float]], outcome: str, where: str) -> None:
    verdict = judge(read(text), run_of(*seconds))
    assert (verdict.outcome, verdict.where) == (outcome, where)


def test_a_window_lies_within_its_phase_and_spans_no_gap() -> None:
    times = [[0.5], [0.01], [0.01], [0.5], [0.01], [0.01], [0.5]]
    run = run_of(*times, plateau=[1, 2, 4, 5])  # two plateaus
    assert judge(read("gap max < 20ms for 2s during plateau"), run).outcome == "pass"
    assert judge(read("gap max < 20ms for 3s during plateau"), run).outcome == "no-data"
    assert judge(read("gap max < 20ms during plateau"), run).outcome == "pass"
    assert judge(read("gap max < 20ms during all"), run).outcome == "fail"


@pytest.mark.parametrize(
    ("text", "plateau", "outcome"),
    [
        ("gap max < 20ms", [1, 2], "pass"),  # times are judged by the plateau
        ("gap max < 20ms during all", [1, 2], "fail"),
        ("gap max < 20ms", [], "fail"),  # a load that never holds is judged by all of it
        ("gap max < 20ms during plateau", [], "no-data"),  # unless that was asked for
        ("connect max < 20ms", [1, 2], "fail"),  # users connect while they come
        ("reconnect max < 20ms", [1, 2], "fail"),
        ("silences < 1", [1, 2], "fail"),  # what went wrong counts whenever it did
        ("errors < 1%", [1, 2], "fail"),
    ],
)
def test_what_is_left_out_is_judged_by_the_plateau_where_that_tells_most(
    text: str, plateau: list[int], outcome: str
) -> None:
    run = run_of([0.5], [0.01], [0.01], plateau=plateau)
    run = replace(run, counters={"silences": 1, "messages": 3}, errors=(0.5, 2))
    assert judge(read(text), run).outcome == outcome


def test_a_warning_is_judged_like_any_other_and_marked() -> None:
    verdict = judge(read("gap max < 20ms warn"), run_of([0.5]))
    assert (verdict.outcome, verdict.warns, verdict.limit) == ("fail", True, pytest.approx(20))
    assert not Verdict("x", 1.0, 0.0, "fail", 1).warns


@pytest.mark.parametrize(
    ("text", "fast"),
    [
        ("errors < 1%", True),
        ("websocket delivery p99 < 1s", True),
        ("rate > 1/s", True),
        ("subscribers errors < 1%", False),  # it names them
        ("websocket behind p99 < 30s", False),  # only who reads slowly has it
    ],
)
def test_an_slo_that_names_no_group_is_judged_by_those_that_read_at_full_speed(text: str, *, fast: bool) -> None:
    everybody, fast_ones = Given(), Given()
    everybody.fast = fast_ones
    judge(read(text), everybody)
    assert (bool(everybody.asked), bool(fast_ones.asked)) == (not fast, fast)
