import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtest.schedule import Arrivals, Piece, Stage, Turn, Turns

TEN = Arrivals.of([Stage.step(10)])
RAMP = Arrivals.of([Stage.ramp(10, 10), Stage.hold(5), Stage.ramp(0, 10)])

rates = st.floats(0, 1000)
lengths = st.just(0.0) | st.floats(0.001, 50)
stages = st.one_of(
    st.builds(Stage.ramp, rates, lengths),
    st.builds(Stage.hold, lengths),
    st.builds(Stage.step, rates),
    st.builds(Stage.spike, rates, st.floats(0.01, 50)),
)
some_arrivals = st.builds(
    lambda stages, end: Arrivals.of(stages).ends_at(end), st.lists(stages, min_size=1, max_size=5), st.floats(0.1, 60)
)


def all_of(arrivals: Arrivals) -> list[float]:
    times: list[float] = []
    while (due := arrivals.due(len(times))) is not None:
        times.append(due)
    return times


def test_ten_a_second_are_a_tenth_of_a_second_apart() -> None:
    assert all_of(TEN.ends_at(0.5)) == pytest.approx([0.05, 0.15, 0.25, 0.35, 0.45])


def test_an_hour_at_ten_a_second_is_36000_requests_without_drift() -> None:
    times = all_of(TEN.ends_at(3600))
    assert len(times) == 36_000 == TEN.ends_at(3600).total
    assert max(abs(due - (number + 0.5) / 10) for number, due in enumerate(times)) < 1e-9


@pytest.mark.parametrize(
    ("number", "due"),
    [
        (0, 1.0),  # t²/2 = 0.5
        (1, math.sqrt(3)),  # t²/2 = 1.5
        (7, math.sqrt(15)),
        (49, math.sqrt(99)),  # the last of the 50 that a ramp to 10/s over 10 s has
        (50, 10.05),  # the first at 10/s
        (99, 14.95),
        (100, 15 + 10 - math.sqrt(99)),  # down is up in the mirror
        (149, 24.0),
    ],
)
def test_a_ramp_has_its_requests_where_the_integral_of_the_rate_says(number: int, due: float) -> None:
    assert RAMP.due(number) == pytest.approx(due)


def test_a_ramp_to_nothing_is_the_end() -> None:
    assert (RAMP.total, RAMP.due(150)) == (150, None)


def test_the_last_rate_stays_until_the_end_of_the_run() -> None:
    arrivals = Arrivals.of([Stage.step(2), Stage.hold(10), Stage.step(100)])
    assert (arrivals.settled, arrivals.ends_at(11).total) == (10, 20 + 100)


def test_a_pause_delays_nothing_that_was_due_before_it() -> None:
    arrivals = Arrivals.of([Stage.spike(1, 2), Stage.hold(5), Stage.spike(1, 2)])
    assert all_of(arrivals) == pytest.approx([0.5, 1.5, 7.5, 8.5])


def test_what_would_be_due_at_the_very_end_is_not_in_the_run() -> None:
    assert (TEN.ends_at(0.05).total, TEN.ends_at(0.0501).total) == (0, 1)


def test_stretching_keeps_the_rates() -> None:
    stretched = RAMP.stretched(25, 50)
    assert (stretched.total, stretched.peak) == (300, 10)
    assert stretched.pieces[0] == Piece(0, 20, 0, 10)


@given(arrivals=some_arrivals, t=st.floats(0, 70))
@settings(max_examples=200, deadline=None)
def test_before_counts_exactly_what_is_due_before(arrivals: Arrivals, t: float) -> None:
    first = arrivals.before(t)
    due, previous = arrivals.due(first), arrivals.due(first - 1) if first else 0.0
    assert due is None or due >= min(t, arrivals.end)
    assert previous is not None
    assert previous <= t


@given(arrivals=some_arrivals)
@settings(max_examples=60, deadline=None)
def test_requests_are_due_in_order_and_as_many_as_the_integral_has(arrivals: Arrivals) -> None:
    sample = range(0, arrivals.total, max(1, arrivals.total // 200))
    times = [arrivals.due(number) for number in sample]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]
    integral = sum(
        (min(p.end, arrivals.end) - p.start) * (p.before + p.level(min(p.end, arrivals.end))) / 2
        for p in arrivals.pieces
        if p.start < arrivals.end
    )
    assert arrivals.total == pytest.approx(integral, abs=0.51)


def drained(turns: Turns) -> list[float]:
    times = []
    while turns.next < math.inf:
        times.append(turns.pop())
    return times


def test_three_workers_take_turns() -> None:
    workers = [Turns(TEN.ends_at(1)) for _ in range(3)]
    for rank, worker in enumerate(workers):
        worker.add(Turn(0.0, rank, 3))
    times = [drained(worker) for worker in workers]
    assert times[0] == pytest.approx([0.05, 0.35, 0.65, 0.95])
    assert times[1] == pytest.approx([0.15, 0.45, 0.75])
    assert times[2] == pytest.approx([0.25, 0.55, 0.85])


def test_without_a_turn_nothing_is_due() -> None:
    assert Turns(TEN).next == math.inf


def test_what_was_handed_out_is_not_handed_out_again() -> None:
    turns = Turns(TEN.ends_at(1))
    turns.add(Turn(0.0, 0, 1))
    first = [turns.pop() for _ in range(4)]
    turns.add(Turn(0.0, 0, 1))  # a repeated or late message
    assert first + drained(turns) == pytest.approx(all_of(TEN.ends_at(1)))


@given(
    arrivals=some_arrivals,
    changes=st.lists(st.tuples(st.floats(0, 60), st.integers(1, 5)), max_size=4),
    ahead=st.floats(0, 1),
)
@settings(max_examples=100, deadline=None)
def test_workers_that_come_and_go_leave_every_request_to_exactly_one(
    arrivals: Arrivals, changes: list[tuple[float, int]], ahead: float
) -> None:
    """Each change is told some time before it holds, while the workers go on handing out what is due."""
    arrivals = arrivals.ends_at(2000 / max(arrivals.peak, 34))
    turns = [Turns(arrivals) for _ in range(5)]
    handed: list[float] = []
    for since, count in sorted([(0.0, 3), *changes]):
        for rank, worker in enumerate(turns):
            while worker.next < since - ahead:
                handed.append(worker.pop())
            if rank < count:
                worker.add(Turn(since, rank, count))
            else:
                worker.add(Turn(since, 0, 0))
    for worker in turns:
        handed += drained(worker)
    assert sorted(handed) == all_of(arrivals)
