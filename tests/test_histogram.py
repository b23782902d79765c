"""histogram.py: buckets of 0.1 %, merged and sent without losing a count."""

import math
import random
import sys
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.buckets import Dense
from loadtest.errors import WireError
from loadtest.histogram import HIGHEST_S, UNIT_S, Histogram

IN_RANGE = st.floats(10e-6, HIGHEST_S)
TIMES = st.lists(IN_RANGE | st.just(0.0), max_size=60)
PERCENTS = st.sampled_from([0.1, 1, 7, 25, 50, 55, 90, 95, 99, 99.9, 100])


def histogram_of(*times: float) -> Histogram:
    histogram = Histogram()
    for time in times:
        histogram.record(time)
    return histogram


def merged(*histograms: Histogram) -> Histogram:
    result = Histogram()
    for histogram in histograms:
        result.merge(histogram)
    return result


# recording


def test_nothing_recorded_has_no_figures() -> None:
    nothing = Histogram()
    assert (nothing.count, nothing.total, nothing.min, nothing.max, nothing.mean) == (0, 0.0, None, None, None)
    assert nothing.percentile(50) is None
    assert list(nothing.buckets()) == []
    assert str(nothing) == "no samples"


def test_the_mean_deviation_is_how_far_values_are_from_their_mean() -> None:
    assert Histogram().mean_deviation is None
    assert histogram_of(0.5).mean_deviation == pytest.approx(0, abs=0.5 / 2048)
    assert histogram_of(0.4, 0.5, 0.6, 0.9).mean_deviation == pytest.approx(0.15, abs=0.6 / 2048)


def test_sum_mean_least_and_most_are_exact() -> None:
    times = histogram_of(0.25, 0.5, 1.5)
    assert (times.count, times.total, times.min, times.max, times.mean) == (3, 2.25, 0.25, 1.5, 0.75)


@given(st.lists(st.floats() | IN_RANGE | st.floats(0.0, 50e-6), max_size=20))
def test_all_at_once_is_as_one_by_one(times: list[float]) -> None:
    at_once = Histogram()
    at_once.record_all(times)
    assert at_once == histogram_of(*times)
    assert at_once.count == len(times)


@given(st.integers(1024, 60_000_000_000), st.integers(-2, 2))
def test_all_at_once_finds_the_same_bucket_on_both_sides_of_every_bound(units: int, steps: int) -> None:
    time = (units - 0.5) * UNIT_S
    for _ in range(abs(steps)):
        time = math.nextafter(time, math.copysign(math.inf, steps))
    at_once = Histogram()
    at_once.record_all([time])
    assert list(at_once.buckets()) == list(histogram_of(time).buckets())


@pytest.mark.parametrize(
    ("seconds", "recorded", "clamped"),
    [
        (0.0, 0.0, 0),  # the lower end is in range
        (HIGHEST_S, HIGHEST_S, 0),  # the upper end too
        (600.001, HIGHEST_S, 1),  # a little over
        (math.inf, HIGHEST_S, 1),
        (-1e-9, 0.0, 1),  # a clock offset's error can make a latency negative
        (-math.inf, 0.0, 1),
        (math.nan, 0.0, 1),
    ],
)
def test_what_is_out_of_range_is_recorded_at_its_end_and_counted(seconds: float, recorded: float, clamped: int) -> None:
    times = histogram_of(seconds)
    assert (times.count, times.clamped) == (1, clamped)
    assert times.total == times.min == times.max == times.percentile(50) == recorded


# percentiles


@pytest.mark.parametrize(
    ("p", "rank"),
    [
        (50, 50),  # of 100 values, p is the rank
        (55, 55),  # though 55 / 100 * 100 is 55.00000000000001 in floats
        (7, 7),  # though 7 / 100 * 100 is 7.000000000000001
        (99.9, 100),  # ceil(99.9)
        (99.001, 100),
        (100, 100),
        (0, 1),  # there is no rank 0: the least
    ],
)
def test_a_percentile_is_the_value_of_rank_ceil_p_n(p: float, rank: int) -> None:
    times = histogram_of(*(ms / 1000 for ms in range(1, 101)))
    assert times.percentile(p) == pytest.approx(rank / 1000, rel=1e-3)


def test_a_rank_is_exact_among_millions() -> None:
    # 99.9 % of 42,310,000 are 42,267,690, but in floats 42,267,690.00000001
    low, high = 42_267_690, 42_310
    wire = [low * 5e-6 + high * 5.01e-6, 5e-6, 5.01e-6, 0, [500, low, 501, high]]
    assert Histogram.from_wire(wire).percentile(99.9) == 5e-6


@given(st.lists(IN_RANGE, min_size=1, max_size=60), PERCENTS)
def test_a_percentile_is_right_to_a_thousandth_and_within_what_was_recorded(times: list[float], p: float) -> None:
    rank = max(1, math.ceil(round(p * len(times) / 100, 9)))
    observed = histogram_of(*times).percentile(p)
    assert observed == pytest.approx(sorted(times)[rank - 1], rel=1e-3)
    assert min(times) <= observed <= max(times)


@given(st.floats(0, 10e-6))
def test_below_ten_microseconds_a_time_is_right_to_half_a_unit(seconds: float) -> None:
    times = histogram_of(seconds, 0.0, 1.0)
    assert times.percentile(50) == pytest.approx(seconds, abs=UNIT_S / 2 * 1.0001)


def test_a_bucket_is_where_hdr_histogram_has_it() -> None:
    # 2048 units are 20.48 µs: from there on a bucket is two units (20 ns) wide; this one is 20.48 to 20.50 µs
    assert list(histogram_of(20.48e-6, 20.49e-6, 20.51e-6).buckets()) == [
        (pytest.approx(20.49e-6), 2),
        (pytest.approx(20.51e-6), 1),
    ]


# merging


@given(TIMES, TIMES, TIMES)
def test_merging_is_the_same_in_any_order_and_grouping(a: list[float], b: list[float], c: list[float]) -> None:
    x, y, z = histogram_of(*a), histogram_of(*b), histogram_of(*c)
    together = histogram_of(*a, *b, *c)
    assert merged(x, y, z) == together
    assert merged(z, merged(y, x)) == together
    assert merged(Histogram(), together, Histogram()) == together


def test_merging_adds_what_was_clamped() -> None:
    assert merged(histogram_of(-1.0, 1.0), histogram_of(700.0)).clamped == 2


@pytest.mark.parametrize(
    "other",
    [
        histogram_of(1.0, 2.0, 2.0),  # one more
        histogram_of(1.0, 2.5),  # another value
        histogram_of(1.0, 2.0 + 1e-5),  # the same buckets, another maximum
        Histogram(),
        "no histogram",
    ],
)
def test_histograms_differ_by_what_was_recorded(other: object) -> None:
    assert histogram_of(1.0, 2.0) == histogram_of(2.0, 1.0)
    assert histogram_of(1.0, 2.0) != other


# the wire


@given(st.lists(st.floats(), max_size=60))
def test_the_wire_carries_everything(times: list[float]) -> None:
    histogram = histogram_of(*times)
    assert Histogram.from_wire(msgpack.unpackb(msgpack.packb(histogram.to_wire()))) == histogram


def test_the_wire_is_sparse() -> None:
    times = histogram_of(*[0.001] * 500, *[0.002] * 500)
    assert len(msgpack.packb(times.to_wire())) < 50


def wire_of(**changed: Any) -> list[Any]:
    """What two values of 5 µs and one clamped to 0 look like, with some of it changed."""
    fields = {"total": 1e-5, "low": 0.0, "high": 5e-6, "clamped": 1, "flat": [0, 1, 500, 2]}
    return list((fields | changed).values())


def test_the_wire_form_that_the_malformed_ones_are_made_from_is_right() -> None:
    assert Histogram.from_wire(wire_of()) == histogram_of(-1.0, 5e-6, 5e-6)


@pytest.mark.parametrize(
    "wire",
    [
        None,
        [],
        wire_of()[:4],  # too short
        [*wire_of(), 0],  # too long
        "total",  # as long as it should be, but text
        dict.fromkeys(range(5), 0),
        wire_of(total="1e-5"),  # a number as text
        wire_of(total=math.nan),
        wire_of(total=math.inf),
        wire_of(total=10**400),  # no float holds it
        wire_of(total=True),
        wire_of(total=1.0),  # three values of at most 5 µs don't make a second
        wire_of(total=-1e-5),
        wire_of(low=1e-6),  # not in the first bucket
        wire_of(high=1e-6),  # not in the last
        wire_of(high=math.inf),
        wire_of(low=5e-6, high=0.0),  # the wrong way round
        wire_of(clamped=-1),
        wire_of(clamped=4),  # of three
        wire_of(clamped=1.0),
        wire_of(flat=None),
        wire_of(flat="0152"),
        wire_of(flat=[0, 1, 500]),  # a bucket without a count
        wire_of(flat=[0, 1, 500, 2.0]),
        wire_of(flat=[0, 1, 500, True]),
        wire_of(flat=[0, 1, 500, 0]),  # an empty bucket isn't sent
        wire_of(flat=[0, -1, 500, 2]),
        wire_of(flat=[500, 2, 0, 1]),  # descending
        wire_of(flat=[0, 1, 500, 1, 500, 1]),  # twice
        wire_of(flat=[-1, 1, 500, 2]),
        wire_of(flat=[0, 1, 10**18, 2]),  # far out of range
        wire_of(flat=[]),  # a sum of nothing
        [0.0, 0.0, 0.0, 1, []],  # one clamped, of none
    ],
)
def test_a_malformed_wire_form_is_a_wire_error(wire: object) -> None:
    with pytest.raises(WireError, match="not a histogram"):
        Histogram.from_wire(wire)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary()
PACKABLE = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(SCALARS, inner, max_size=6), max_leaves=12
)
NEARLY = st.tuples(*[SCALARS] * 4, st.lists(st.integers(-2, 2**64 - 1), max_size=8)).map(list)


@given(PACKABLE | NEARLY)
def test_whatever_comes_off_the_wire_is_a_histogram_or_a_wire_error(wire: object) -> None:
    try:
        histogram = Histogram.from_wire(wire)
    except WireError:
        return
    assert Histogram.from_wire(histogram.to_wire()) == histogram


# packing


@given(TIMES)
def test_what_is_packed_comes_back(times: list[float]) -> None:
    histogram = histogram_of(*times)
    assert Histogram.unpacked(histogram.packed()) == histogram


@given(TIMES.filter(bool), PERCENTS)
def test_a_coarse_histogram_is_right_to_half_a_percent_and_keeps_the_exact_figures(
    times: list[float], p: float
) -> None:
    fine = histogram_of(*times)
    coarse = fine.coarse()
    exact, near = fine.percentile(p), coarse.percentile(p)
    assert exact is not None
    assert near == pytest.approx(exact, rel=0.005, abs=UNIT_S)
    kept = ("count", "total", "min", "max", "clamped")
    assert [getattr(coarse, name) for name in kept] == [getattr(fine, name) for name in kept]


@given(TIMES, TIMES)
def test_it_does_not_matter_whether_what_is_coarse_was_merged_before_or_after(
    some: list[float], more: list[float]
) -> None:
    one, other = histogram_of(*some), histogram_of(*more)
    assert merged(one.coarse(), other.coarse()) == merged(one, other).coarse()


def test_a_coarse_histogram_has_an_eighth_of_the_buckets() -> None:
    fine = histogram_of(*(0.001 * (1 + n / 5000) for n in range(5000)))
    assert len(list(fine.coarse().buckets())) <= len(list(fine.buckets())) / 7


def test_a_histogram_prints_its_figures() -> None:
    assert str(histogram_of(*[0.001] * 1999, 0.25)) == "n=2,000 p50=1 ms p99=1 ms max=250 ms"


def test_one_that_others_are_merged_into_stops_growing() -> None:
    """Times keep falling into new buckets for hours: each must not cost what a dict's entry does."""
    draw, merged = random.Random(1), Histogram()
    for _ in range(400):
        piece = Histogram()
        for _ in range(50):
            piece.record(draw.lognormvariate(-5.5, 0.8))
        merged.merge(piece)
    assert isinstance(merged._buckets, Dense)
    assert sys.getsizeof(merged._buckets.counts) < 4 * 26_000
