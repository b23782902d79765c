"""schedule/slow_reading.py: when a slow consumer may take its next message."""

from hypothesis import given
from hypothesis import strategies as st

from loadtest.schedule.slow_reading import BURST_S, ReadingPace


def taken(pace: ReadingPace, looks: list[float]) -> list[float]:
    """When messages are taken by one who always has some, and looks at these times."""
    times = []
    for now in looks:
        while pace.wait(now) == 0 and len(times) < 10_000:
            times.append(now)
            pace.take(now)
    return times


def steps(step: float, until: float) -> list[float]:
    return [step * n for n in range(int(until / step) + 1)]


@given(
    st.floats(0.1, 500),
    st.lists(st.floats(0.0001, 3.0), min_size=1, max_size=60),
)
def test_in_no_stretch_of_time_more_is_taken_than_its_rate_and_a_burst(rate: float, gaps: list[float]) -> None:
    """However late or early one looks."""
    looks = [0.0]
    for gap in gaps:
        looks.append(looks[-1] + gap)
    times = taken(ReadingPace(0.0, rate), looks)
    for i, first in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= rate * (times[j] - first + BURST_S) + 1 + 1e-6


def test_who_looks_often_enough_gets_the_whole_rate() -> None:
    assert len(taken(ReadingPace(0.0, 50), steps(0.01, 10))) in (501, 502, 503)  # 50/s for 10 s, the first, the burst


def test_what_was_not_taken_is_not_saved_up() -> None:
    assert len(taken(ReadingPace(0.0, 10), [60.0])) == 1
    assert len(taken(ReadingPace(0.0, 100), [60.0])) == 6  # 50 ms' worth, and one


def test_it_pauses_at_the_end_of_each_period() -> None:
    pace = ReadingPace(100.0, pause=5, every=30)
    waits = {now: pace.wait(now) for now in (100, 124, 125, 127, 130, 154, 159)}
    assert waits == {100: 0, 124: 0, 125: 5, 127: 3, 130: 0, 154: 0, 159: 1}


def test_a_rate_and_pauses_together_are_both_kept() -> None:
    pace = ReadingPace(0.0, rate=0.5, pause=3, every=10)
    assert taken(pace, steps(0.5, 21)) == [0, 2, 4, 6, 10, 12, 14, 16, 20]


def test_a_reader_whose_next_message_is_due_in_a_pause_waits_for_its_end() -> None:
    pace = ReadingPace(0.0, rate=0.2, pause=4, every=8)
    pace.take(0.0)
    assert pace.wait(1.0) == 7.0  # due at 5 s, in the pause from 4 to 8
