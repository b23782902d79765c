"""results/missing.py: who missed how much over all workers, in whatever order it was told."""

from itertools import permutations

from loadtest.fanout import AudienceReport
from loadtest.fanout.misses import Missed, Worst
from loadtest.results import Record, Summary


def record(worker: str, serial: int, missed: Missed, group: str = "g") -> Record:
    """A Record of second `serial` that tells of connections; run time began at 100 s of the master's clock."""
    through = 100_000_000 + (serial + 1) * 1_000_000
    report = AudienceReport(group, "http://a", "/ws", through, 0, True, False, [], [], [], missed)  # noqa: FBT003
    return Record("r1", worker, 0, serial, serial, [], {}, {}, {}, {}, fanout=[report])


def test_distributions_add_up_and_the_latest_word_on_the_worst_counts_in_any_order() -> None:
    first = Missed([(0, 2, 1)], (2, 0, 0), [2, 0, 0, 0], [Worst(4, 101_000_000, 103_000_000, 2, 0, 0, 0)])
    more = Missed([(0, 2, -1), (0, 5, 1)], (3, 0, 0), [5, 0, 0, 0], [Worst(4, 101_000_000, 107_500_000, 5, 0, 0, 0)])
    other = Missed([(0, 3, 2)], (6, 0, 0), [3, 0, 0, 2500], [Worst(0, 100_500_000, 105_000_000, 3, 0, 0, 2500)])
    records = [record("w1", 0, first), record("w1", 1, more), record("w2", 0, other), record("w2", 1, other, "else")]
    for order in permutations(records):
        summary = Summary("r1")
        for each in order:
            assert summary.add(each)
            assert not summary.add(each)  # once
        found = summary.missing.of("g")
        assert found.rows("lost") == [(3, 2), (5, 1)]
        assert (found.connections("lost"), found.sums["lost"], found.most["lost"]) == (3, 11, 5)
        assert found.most["silence"] == 2500
        named = [(n.worker, n.opened, n.told, n.connection.lost) for n in summary.missing.worst("g")]
        assert named == [("w1", 1, 7, 5), ("w2", 0, 5, 3)]
    assert summary.missing.of("nobody").rows("lost") == []
