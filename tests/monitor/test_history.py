"""monitor/history.py: however long the run, a bounded number of points, which miss nothing and do not overlap."""

import itertools

import pytest

from loadtest.monitor.history import COARSE, FINE_S, STEPS, History
from loadtest.monitor.points import Point
from loadtest.monitor.span import Span

HOUR = 3600


def span(second: int, messages: int = 1) -> Span:
    made = Span(second)
    made.seconds, made.users = 1, second
    made.kinds["g"] = "websocket"
    made.counters["g"]["messages"] = messages
    return made


def after(seconds: int) -> History:
    history = History()
    for second in range(seconds):
        history.fold(span(second, second % 7))
    return history


def covered(points: list[Point]) -> list[int]:
    return [second for point in points for second in range(point.second, point.second + point.seconds)]


@pytest.mark.parametrize(
    ("seconds", "most"),
    [
        (1, 1),
        (COARSE, COARSE),  # one by one
        (COARSE + 1, COARSE + 1),  # the first run that is summed
        (HOUR, COARSE + FINE_S + 30),
        (8 * HOUR, COARSE + FINE_S + 120),
    ],
)
def test_every_second_is_in_one_point_and_points_are_few(seconds: int, most: int) -> None:
    whole, points = after(seconds).points()
    assert whole
    assert covered(points) == list(range(seconds))
    assert len(points) <= most


def test_points_of_eight_hours_sum_to_what_there_was() -> None:
    _, points = after(8 * HOUR).points()
    told = sum(point.messages_per_s * point.seconds for point in points)
    assert told == pytest.approx(sum(second % 7 for second in range(8 * HOUR)), rel=1e-3)


def test_the_last_minutes_are_shown_second_by_second() -> None:
    _, points = after(8 * HOUR).points()
    assert all(point.seconds == 1 for point in points[-FINE_S:])
    assert points[-1].second == 8 * HOUR - 1


@pytest.mark.parametrize("every", [1, 7, 400])
def test_who_asks_for_what_is_new_has_the_same_as_who_asks_for_all(every: int) -> None:
    history, known = History(), dict[int, Point]()
    since = asked = 0
    for second in range(3000):
        history.fold(span(second))
        if second % every:
            continue
        whole, points = history.points(since)
        known = {} if whole else known
        for point in points:  # as docs/api.md says: a point replaces those that it covers
            for old in [old for old in known if point.second <= old < point.second + point.seconds]:
                del known[old]
            known[point.second] = point
        since, asked = history.next, asked + len(points)
        if second % 500 == 0:
            assert [known[key] for key in sorted(known)] == history.points()[1]
    if every == 1:
        assert asked < 3000 * 3  # about one point for each second, and what changes its step


def test_a_second_that_is_not_there_yet_is_taken_for_another_runs() -> None:
    whole, points = after(10).points(since=50)
    assert whole
    assert covered(points) == list(range(10))


def test_recent_is_the_last_ten_seconds() -> None:
    recent = after(30).recent()
    assert (recent.first, recent.seconds, recent.counted("g", "messages")) == (
        20,
        10,
        sum(n % 7 for n in range(20, 30)),
    )


def test_each_step_divides_the_next() -> None:
    assert all(long % short == 0 for short, long in itertools.pairwise(STEPS))
