"""monitor/judging.py: SLOs while the run goes on are what they would be at its end."""

import pytest
from monitored import measured, record, summed

from loadtest.monitor import Judging
from loadtest.results import Summary
from loadtest.slo import Threshold, judge, parse

GROUPS = {"market": "websocket"}
LATE = {4: 0.3, 5: 0.3, 11: 0.9}
"""Second -> its one delivery's time (s); all others take 1 ms."""


def run(seconds: int = 12) -> Summary:
    records = (record(n, measured("market", "delivery", [LATE.get(n, 0.001)])) for n in range(seconds))
    summary = Summary("r1")
    summary.follow(lambda t: "ramp-up" if t < 4 else "plateau" if t < 10 else "ramp-down", 12)
    for each in records:
        assert summary.add(each)
    return summary


def judged(threshold: Threshold, summary: Summary) -> Judging:
    judging = Judging((threshold,))
    for _ in summary.seconds:
        judging.judge_second(summary)
    return judging


@pytest.mark.parametrize(
    "text",
    [
        "market delivery max < 200ms during all",
        "market delivery max < 200ms",  # the plateau
        "market delivery max < 200ms for 3s during all",  # the worst window is the last
        "market delivery max < 200ms for 3s",  # of the plateau, with seconds 4 and 5
        "market delivery max < 200ms for 3s during ramp",  # holds
        "market delivery max < 200ms for 5s during ramp",  # the ramp is shorter: nothing to judge
        "market delivery max > 500us for 2s",  # holds throughout
    ],
)
def test_what_is_judged_second_by_second_is_the_verdict_at_the_end(text: str) -> None:
    threshold = parse(text, GROUPS)
    summary = run()
    now, end = judged(threshold, summary).verdict(threshold, summary), judge(threshold, summary)
    assert (now.outcome, now.observed, now.samples) == (end.outcome, end.observed, end.samples)


def test_a_window_is_judged_when_it_is_complete_and_the_worst_is_kept() -> None:
    threshold = parse("market delivery max < 200ms for 3s during all", GROUPS)
    summary, judging = run(), Judging((threshold,))
    outcomes = []
    for _ in summary.seconds:
        judging.judge_second(summary)
        outcomes.append(judging.verdict(threshold, summary).outcome)
    assert outcomes == ["no-data"] * 2 + ["pass"] * 2 + ["fail"] * 8
    assert judging.verdict(threshold, summary).where == "9s–12s"


def test_no_window_is_summed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    threshold = parse("market delivery max < 200ms for 3s during all", GROUPS)
    summary, asked = run(), []
    window = summary.window
    monkeypatch.setattr(summary, "window", lambda first, last: asked.append((first, last)) or window(first, last))
    judging = judged(threshold, summary)
    for _ in range(5):
        judging.verdict(threshold, summary)
    assert asked == [(n, n + 2) for n in range(10)]


def test_nothing_is_judged_before_there_is_anything() -> None:
    threshold = parse("market delivery max < 200ms for 3s during all", GROUPS)
    verdict = Judging((threshold,)).verdict(threshold, summed())
    assert (verdict.outcome, verdict.samples) == ("no-data", 0)
