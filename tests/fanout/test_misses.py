"""fanout/misses.py: who missed how much, told as changes of a distribution."""

from collections import Counter

import pytest
from audiences import Worker

from loadtest.fanout.misses import EXACT, KINDS, WORST, Missed, bucket


def spread(told: list[Missed]) -> dict[tuple[str, int], int]:
    """(kind, bucket) -> connections, of everything that was told."""
    total: Counter[tuple[str, int]] = Counter()
    for missed in told:
        for kind, low, by in missed.moved:
            total[KINDS[kind], low] += by
    return {key: count for key, count in total.items() if count}


def missed_in(worker: Worker, at: float, *, final: bool = False) -> list[Missed]:
    """What a worker tells at a moment."""
    (report,) = worker.tell(at, final=final).fanout
    return [report.missed] if report.missed is not None else []


def test_each_connection_is_counted_once_by_all_that_it_missed_however_often_it_was_told() -> None:
    worker = Worker("w0", ahead=100.0)
    told = []
    for n in range(60):
        for who, lacks in (("a", ()), ("b", (5, 6, 30)), ("c", (31,))):
            if n not in lacks:
                worker.get(who, float(n), b"%d" % n, n)
        told += missed_in(worker, n + 0.5)
    worker.get("a", 59.6, b"59", 59)
    for who in list(worker.followers):
        worker.leave(who, 60.0)
    told += missed_in(worker, 60.0, final=True)
    assert spread(told) == {("lost", 3): 1, ("lost", 1): 1, ("duplicated", 1): 1}
    assert sum(missed.sums[0] for missed in told) == worker.counts.lost == 4
    assert told[-1].most[:3] == [3, 1, 0]
    assert [(each.lost, each.duplicated, each.who) for each in told[-1].worst] == [(3, 0, 1), (1, 0, 2), (0, 1, 0)]


def test_a_silence_is_told_while_it_lasts_and_at_its_full_length_in_the_end() -> None:
    worker = Worker("w0")
    follower = worker.get("a", 0.0, b"1", 1)
    told = []
    for second in range(1, 41):
        worker.audience.misses.quiet(follower, second - follower.last)
        told += missed_in(worker, float(second))
    assert spread(told) == {("silence", bucket(40_000)): 1}  # what it told counts, should it die now
    worker.leave("a", 40.9)
    told += missed_in(worker, 41.0, final=True)
    assert spread(told) == {("silence", bucket(40_900)): 1}
    assert told[-1].most[3] == told[-1].worst[0].silence == 40_900


def test_what_is_told_is_bounded_however_many_connections_miss_however_much() -> None:
    worker = Worker("w0")
    for i in range(2000):
        worker.get(f"u{i}", 0.0, b"0", 0)
        worker.get(f"u{i}", 1.0, b"%d" % (i + 2), i + 2)  # the i-th lost 1 + i
    for who in list(worker.followers):
        worker.leave(who, 2.0)
    (missed,) = missed_in(worker, 2.0, final=True)
    assert len(missed.moved) < EXACT + 8 * 11 + 2  # an eighth of each power of two, and the silence
    assert sum(by for kind, _, by in missed.moved if KINDS[kind] == "lost") == 2000
    assert missed.sums[0] == 2000 * 2001 // 2
    assert [each.lost for each in missed.worst] == list(range(2000, 2000 - WORST, -1))


@pytest.mark.parametrize(("value", "low"), [(0, 0), (16, 16), (17, 16), (18, 18), (31, 30), (33, 32), (1000, 960)])
def test_buckets_are_exact_at_first_and_then_an_eighth_wide(value: int, low: int) -> None:
    assert bucket(value) == low
    assert low <= value <= low * 1.125
