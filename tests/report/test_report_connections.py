"""report/connections.py: who missed how much, as JSON, a console line and a table."""

from loadtest.fanout import AudienceReport
from loadtest.fanout.misses import Missed, Worst
from loadtest.report.connections import connections_json, missed_lines, worst_rows
from loadtest.results import Measured, Record, Summary


def summary(**counts: int) -> Summary:
    """A run of a group of which connection 7 lost five, and another one two."""
    worst = [Worst(7, 1_000_000, 12_000_000, 5, 1, 0, 3000), Worst(-1, 0, 9_000_000, 2, 0, 0, 0)]
    missed = Missed([(0, 5, 1), (0, 2, 1), (1, 1, 1), (3, 2816, 1)], (7, 1, 0), [5, 1, 0, 3000], worst)
    report = AudienceReport("g", "http://a", "/ws", 13_000_000, 0, True, False, [], [], [], missed)  # noqa: FBT003
    series = [Measured("g", "websocket", "connect", "/ws", 40, 0, 0, None)]
    made = Summary("r1")
    made.add(Record("r1", "w1", 0, 0, 12, series, {"g": {"connected": 40, **counts}}, {}, {}, {}, fanout=[report]))
    return made


def test_with_numbers_everything_is_told() -> None:
    run = summary(sequenced=100)
    found = connections_json(run)["g"]
    assert found["lost"] == {"connections": 2, "messages": 7, "most": 5, "distribution": [[2, 1], [5, 1]]}
    assert found["reordered"] == {"connections": 0, "messages": 0, "most": 0, "distribution": []}
    assert found["silence"] == {"connections": 1, "longest_s": 3.0, "distribution_s": [[2.816, 1]]}
    assert list(missed_lines(run)) == [
        "  g · of 40 connections 2 lost 7 (the most: 5), 1 duplicated 1 (the most: 1); worst w1 #7, told at 12 s"
    ]
    assert list(worst_rows(run)) == [
        ("g", "w1", "#7", "1", "12", "5", "1", "0", "3.0"),
        ("g", "w1", "–", "0", "9", "2", "0", "0", "0.0"),
    ]


def test_without_numbers_what_came_twice_is_not_applicable_and_what_was_lost_only_if_others_tell() -> None:
    by_others = connections_json(summary(expected_deliveries=100))["g"]
    assert by_others["lost"]["messages"] == 7
    assert by_others["duplicated"] is by_others["reordered"] is by_others["worst"][0]["duplicated"] is None
    nobody = summary(messages=100)
    assert connections_json(nobody)["g"]["lost"] is None
    assert list(missed_lines(nobody)) == []
