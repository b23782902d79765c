"""clocksync.py: the true offset is always within the stated bound."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.clocksync import PHI, Offset, Probe, Tracker, estimate

EPOCH = 1_763_866_217.0
"""A wall clock's time, as a server would tell it."""


def exchange(sent: float, out: float, back: float, offset: float, step: float = 0.0, *, rounds: bool = False) -> Probe:
    """A request that takes `out` seconds to a server whose clock is `offset` ahead, and `back` to return."""
    server = sent + out + offset
    if step:
        server = (round(server / step) if rounds else math.floor(server / step)) * step
    return Probe(sent, sent + out + back, server)


# one exchange, worked out by hand


@pytest.mark.parametrize(
    ("probe", "offset", "error"),
    [
        # sent at 100, received at 100.010, so half-way at 100.005, when the server's clock showed …0.123456
        (Probe(100.0, 100.010, EPOCH + 0.123456), EPOCH + 0.123456 - 100.005, 0.005),
        # no time in between: certain
        (Probe(100.0, 100.0, EPOCH + 0.123456), EPOCH + 0.123456 - 100.0, 0.0),
        # whole milliseconds: from half a step before to a step after, so ¾ ms around a quarter later
        (Probe(100.0, 100.010, EPOCH + 0.123), EPOCH + 0.123 + 0.00025 - 100.005, 0.005 + 0.00075),
        # hundredths
        (Probe(100.0, 100.010, EPOCH + 0.12), EPOCH + 0.12 + 0.0025 - 100.005, 0.005 + 0.0075),
        # whole seconds
        (Probe(100.0, 100.010, EPOCH), EPOCH + 0.25 - 100.005, 0.005 + 0.75),
    ],
)
def test_one_exchange_tells_the_offset_to_half_the_round_trip_and_the_step(
    probe: Probe, offset: float, error: float
) -> None:
    found = estimate([probe])
    assert found is not None
    assert found.offset == pytest.approx(offset, abs=1e-6)
    assert found.error == pytest.approx(error, abs=1e-9)
    assert found.rtt == probe.rtt


def test_no_exchange_tells_nothing() -> None:
    assert estimate([]) is None
    assert Tracker().at(5.0) is None


def test_the_shortest_round_trip_is_believed() -> None:
    slow = Probe(1.0, 1.2, EPOCH + 0.3456789)
    quick = Probe(2.0, 2.002, EPOCH + 1.2345678)
    found = estimate([slow, quick, slow])
    assert found == Offset(quick.server - 2.001, pytest.approx(0.001), quick.rtt)


# the bound holds


DELAYS = st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.2), st.floats(0.001, 2)), min_size=1, max_size=20)
STEPS = st.sampled_from([0.0, 1e-3, 0.01, 0.1, 1.0])


@given(delays=DELAYS, step=STEPS, rounds=st.booleans(), start=st.floats(0, 1e6))
def test_the_true_offset_is_within_the_bound_however_lopsided_the_delays(
    *, delays: list[tuple[float, float, float]], step: float, rounds: bool, start: float
) -> None:
    true, now, probes = EPOCH, start, []
    for out, back, wait in delays:
        probes.append(exchange(now, out, back, true, step, rounds=rounds))
        now += out + back + wait
    found = estimate(probes)
    assert found is not None
    assert abs(found.offset - true) <= found.error + 1e-6  # a float of today's date is good to 0.24 µs


@pytest.mark.parametrize("slowest", [0.0003, 0.02, 0.2])
@pytest.mark.parametrize("ppm", [0, 15, -15, 50, -100, 100])
def test_the_true_offset_stays_within_the_bound_while_the_clocks_drift_apart(ppm: int, slowest: float) -> None:
    """Also of clocks that nobody looks after, through a network of any speed, and when the server falls silent."""
    random, tracker, drift = Random(1), Tracker(), ppm * 1e-6
    for second in range(0, 600, 2):
        out, back = random.uniform(0, slowest), random.uniform(0, slowest / 20)
        assert tracker.add(exchange(second, out, back, EPOCH + drift * second)) == 0.0
        for later in (second + 0.5, second + 2, second + 100):
            found = tracker.at(later)
            assert found is not None
            assert abs(found.offset - (EPOCH + drift * later)) <= found.error + 1e-6


@pytest.mark.parametrize("ppm", [200, -500])
def test_a_clock_that_is_being_slewed_is_followed_and_what_was_said_before_that_was_known_is_taken_back(
    ppm: int,
) -> None:
    """The first exchange that contradicts those before tells by how much, at least as much as they were wrong."""
    random, tracker, drift = Random(1), Tracker(), ppm * 1e-6
    wrong, told = 0.0, []
    for second in range(0, 200, 2):
        found = tracker.at(second)
        if found is not None:
            wrong = max(wrong, abs(found.offset - (EPOCH + drift * second)) - found.error)
        step = tracker.add(exchange(second, random.uniform(0, 3e-4), random.uniform(0, 1e-5), EPOCH + drift * second))
        if step:
            told.append((second, step))
    assert max((step for _, step in told), default=0.0) >= wrong - 1e-6
    assert max((second for second, _ in told), default=0) <= 10  # from then on it is known
    last = tracker.at(200)
    assert last is not None
    assert abs(last.offset - (EPOCH + drift * 200)) <= last.error < 2e-3


# through a run


def test_the_bound_grows_with_age_by_100_ppm_and_by_15_when_that_is_known_to_be_enough() -> None:
    tracker = Tracker()
    tracker.add(fine(10.0, 0.0))
    young, old = tracker.at(10.002), tracker.at(110.002)
    assert young is not None
    assert old is not None
    assert young.offset == old.offset
    assert young.error == pytest.approx(0.001)
    assert old.error == pytest.approx(0.001 + 100 * 100e-6)
    tracker.add(fine(60.0, 0.0))  # 2 ms in 50 s: 40 ppm at most
    found = tracker.at(160.002)
    assert found is not None
    assert found.error == pytest.approx(0.001 + 100 * 40e-6, rel=1e-3)
    tracker.add(fine(210.0, 0.0))
    found = tracker.at(310.002)
    assert found is not None
    assert found.error == pytest.approx(0.001 + 100 * PHI, rel=1e-3)


def test_an_old_exchange_gives_way_to_a_slower_new_one_once_drift_outweighs_it() -> None:
    tracker = Tracker()
    tracker.add(Probe(0.0, 0.002, EPOCH + 0.0012345))  # bound 1 ms, and 1.5 ms more after 100 s
    tracker.add(Probe(100.0, 100.004, EPOCH + 100.0023456))  # bound 2 ms
    found = tracker.at(100.004)
    assert found is not None
    assert found.rtt == pytest.approx(0.004)


def test_only_the_last_exchanges_are_kept() -> None:
    tracker = Tracker(keep=2)
    for sent, rtt in ((0.0, 0.001), (1.0, 0.005), (2.0, 0.003)):
        tracker.add(Probe(sent, sent + rtt, EPOCH + sent + 0.0001234))
    found = tracker.at(2.003)
    assert found is not None
    assert found.rtt == pytest.approx(0.003)  # the one of 1 ms is forgotten


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        (Probe(2.0, 1.0, EPOCH), "before it began"),
        (Probe(math.nan, 1.0, EPOCH), "before it began"),
        (Probe(1.0, math.inf, EPOCH), "before it began"),
        (Probe(1.0, 2.0, math.nan), "not seconds since 1970"),  # JSON as Python reads it may hold NaN
        (Probe(1.0, 2.0, math.inf), "not seconds since 1970"),
        (Probe(1.0, 2.0, 1e308), "not seconds since 1970"),
        (Probe(1.0, 2.0, -5.0), "not seconds since 1970"),
        (Probe(1.0, 2.0, EPOCH * 1000), "not seconds since 1970"),  # milliseconds
    ],
)
def test_what_is_no_exchange_is_refused_and_changes_nothing(probe: Probe, why: str) -> None:
    tracker = Tracker()
    with pytest.raises(ValueError, match=why):
        tracker.add(probe)
    assert tracker.at(3.0) is None


def fine(sent: float, offset: float, rtt: float = 0.002) -> Probe:
    """An exchange whose server is `offset` ahead half-way; no whole ms, which would look coarse."""
    return Probe(sent, sent + rtt, EPOCH + sent + rtt / 2 + offset + 0.0001234)


@pytest.mark.parametrize(
    ("offsets", "steps"),
    [
        ([0.0, 0.0005, -0.0005], [0.0, 0.0, 0.0]),  # within the bounds of 1 ms each
        ([0.0, 0.0019], [0.0, 0.0]),  # they just touch
        ([0.0, 0.05], [0.0, 0.05]),  # set forward
        ([0.0, -30.0, -30.0], [0.0, 30.0, 0.0]),  # set back once, and good from then on
        ([0.0, 0.05, 0.0, 0.05], [0.0, 0.05, 0.05, 0.05]),  # two servers take turns
    ],
)
def test_a_clock_that_was_set_is_noticed_by_how_much(offsets: list[float], steps: list[float]) -> None:
    tracker = Tracker()
    found = [tracker.add(fine(float(n), offset)) for n, offset in enumerate(offsets)]
    assert found == pytest.approx(steps, abs=1e-5)
    latest = tracker.at(float(len(offsets)))
    assert latest is not None
    assert latest.offset == pytest.approx(EPOCH + 0.0001234 + offsets[-1], abs=latest.error)


def test_what_was_known_before_a_clock_was_set_is_not_believed_any_more_though_it_took_less_long() -> None:
    tracker = Tracker()
    tracker.add(fine(0.0, 0.0, rtt=0.002))
    assert tracker.add(fine(2.0, 30.0, rtt=0.02)) == pytest.approx(30.0, abs=0.02)
    found = tracker.at(2.1)
    assert found is not None
    assert found.offset == pytest.approx(EPOCH + 30.0, abs=0.02)


def test_slow_drift_is_no_step() -> None:
    tracker = Tracker()
    assert [tracker.add(fine(2.0 * n, 10e-6 * 2.0 * n)) for n in range(500)] == [0.0] * 500  # 10 ppm for 1000 s


def test_an_exchange_that_took_long_contradicts_nothing() -> None:
    tracker = Tracker()
    tracker.add(fine(0.0, 0.0))
    assert tracker.add(fine(1.0, 0.4, rtt=1.0)) == 0.0
