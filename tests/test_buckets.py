"""buckets.py: counts side by side hold what a dict would, whatever comes in which order."""

import subprocess
import sys
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from loadtest.buckets import Dense, packs_well
from loadtest.histogram import Histogram
from loadtest.histogram_wire import MOST

INDEXES = st.integers(0, 26_000)
SOME = st.dictionaries(INDEXES, st.integers(1, 1_000), min_size=1, max_size=30)


def dense(buckets: dict[int, int]) -> Dense:
    return Dense(buckets, sum(buckets.values()))


@given(st.lists(SOME, min_size=1, max_size=6), st.booleans())
def test_it_holds_what_a_counter_does_and_tells_it_ascending(parts: list[dict[int, int]], whole: bool) -> None:  # noqa: FBT001
    packed, plain = dense(parts[0]), Counter(parts[0])
    for part in parts[1:]:
        plain.update(part)
        packed.merge(dense(part), plain.total()) if whole else packed.add(part, plain.total())
    assert list(packed.items()) == sorted(plain.items())
    assert all(packed.get(index, 7) == count for index, count in plain.items())
    assert packed.get(max(plain) + 1, 7) == packed.get(27_000, 7) == 7


def test_counts_beyond_32_bits_are_exact() -> None:
    most = 2**32 - 1
    packed = Dense({5: most}, most)
    other = packed.copy()
    packed.add({5: 1, 9: 3}, most + 4)
    assert dict(packed.items()) == {5: most + 1, 9: 3}
    packed.merge(other, 2 * most + 4)
    assert dict(packed.items()) == {5: 2 * most + 1, 9: 3}
    other.merge(packed, 3 * most + 4)
    assert dict(other.items()) == {5: 3 * most + 1, 9: 3}


@given(SOME)
def test_eight_buckets_become_one_beyond_those_that_are_exact(buckets: dict[int, int]) -> None:
    coarse = Counter[int]()
    for index, count in buckets.items():
        coarse[index if index < 2048 else index // 8 * 8 + 4] += count
    assert dense(buckets).coarse(2048) == coarse


def test_a_copy_goes_its_own_way() -> None:
    packed = dense({300: 1})
    copied = packed.copy()
    copied.add({300: 1, 2: 4}, 6)
    assert dict(packed.items()) == {300: 1}
    assert dict(copied.items()) == {2: 4, 300: 2}


def test_it_pays_for_many_buckets_close_together() -> None:
    assert packs_well(64, 0, 4_095)
    assert not packs_well(64, 0, 4_096)
    assert not packs_well(63, 0, 63)


@given(st.lists(st.lists(st.floats(1e-4, 2e-4), min_size=1, max_size=200), min_size=1, max_size=40))
def test_a_histogram_is_the_same_however_its_buckets_are_kept(parts: list[list[float]]) -> None:
    """One adds value by value and keeps a dict; the other merges, and packs them once they are many."""
    plain, merged = Histogram(), Histogram()
    for part in parts:
        piece = Histogram()
        for seconds in part:
            piece.record(seconds)
            plain.record(seconds)
        merged.merge(piece)
    assert merged == plain
    assert merged.to_wire()[4] == plain.to_wire()[4]
    assert [merged.percentile(p) for p in (1, 50, 99, 100)] == [plain.percentile(p) for p in (1, 50, 99, 100)]
    assert merged.coarse() == plain.coarse()
    assert Histogram.unpacked(merged.packed()) == plain
    merged.record(1.5)
    plain.record(1.5)
    assert merged == plain


@given(
    st.lists(st.tuples(st.lists(st.floats(0.0, 600.0) | st.floats(1e-4, 2e-4), max_size=120), st.sampled_from("adrx"))),
    st.integers(0, 20),
)
def test_what_came_off_the_wire_is_the_same_added_up_at_once_or_one_by_one(
    parts: list[tuple[list[float], str]], repeats: int
) -> None:
    """Some are read in between, some are merged into another one first, and into some more is recorded."""
    plain, gathered = Histogram(), Histogram()
    for times, how in parts * repeats:
        piece = Histogram()
        piece.record_all(times)
        plain.record_all(times)
        told = Histogram.trusted(piece.to_wire())
        if how == "a":  # another one keeps it as well
            other = Histogram()
            other.merge(told)
            other.merge(told)
        elif how == "d":
            assert told.percentile(50) == piece.percentile(50)
        elif how == "r":
            told.record(0.5)
            plain.record(0.5)
        else:
            assert gathered.percentile(99) == Histogram.from_wire(gathered.to_wire()).percentile(99)
        gathered.merge(told)
    assert gathered == plain
    assert gathered.count == plain.count == sum(count for _, count in gathered.buckets())
    assert [gathered.percentile(p) for p in (1, 50, 99, 100)] == [plain.percentile(p) for p in (1, 50, 99, 100)]
    assert gathered.coarse() == plain.coarse()


def test_counts_off_the_wire_beyond_32_bits_are_exact() -> None:
    most = MOST - 1
    wire = [most * 5e-6 + 5.01e-6, 5e-6, 5.01e-6, 0, [500, most - 1, 501, 1]]
    gathered = Histogram()
    for _ in range(100):
        gathered.merge(Histogram.from_wire(wire))
    assert gathered.to_wire()[4] == [500, 100 * (most - 1), 501, 100]
    assert gathered.count == 100 * most


def test_a_worker_that_only_records_does_not_load_numpy() -> None:
    code = "import sys; from loadtest.histogram import Histogram; Histogram().to_wire(); print('numpy' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"
