"""report/slow_consumers.py: the same figures on the console, in summary.json and in the tables of the report."""

from support.slow_runs import RUN, run_of

from loadtest.report.slow_consumers import slow_consumer_lines, slow_consumer_tables, slow_consumers_json
from loadtest.results import Summary


def test_a_run_with_slow_consumers_tells_of_them_in_every_form() -> None:
    summary = run_of(*RUN)
    assert list(slow_consumer_lines(summary)) == [
        (
            "  slow · slow: behind p50 3 s, max 4 s, 3 s in the end; 28 lost; 3 kB unread at most;"
            " the server closed nobody"
        ),
        "  the others' delivery: while one was behind p50 50 ms, p99 60 ms (3 s); without p50 10 ms, p99 20 ms (2 s)",
    ]
    told = slow_consumers_json(summary)
    slow = told["groups"]["slow"]
    assert (slow["subscribers"], slow["taken"], slow["lost"], slow["unread_bytes_max"]) == (3, 7, 28, 3000)
    assert (slow["behind_by"], round(slow["behind_s"]["max"], 1), slow["closed"]) == ("send_time", 4.0, [])
    others = told["others"]
    assert {side: (it["seconds"], it["samples"], round(it["p50_ms"])) for side, it in others.items()} == {
        "while_behind": (3, 3, 50),
        "without": (2, 2, 10),
    }
    groups, felt = slow_consumer_tables(summary)
    assert groups.rows == (("slow", "3", "7", "28", "3 s", "4 s", "4 s", "3 s", "3", "nobody"),)
    assert [row[:3] for row in felt.rows] == [("while one was behind", "3", "3"), ("without", "2", "2")]


def test_a_run_without_them_says_nothing() -> None:
    summary = Summary("r1")
    assert slow_consumers_json(summary) == {}
    assert not list(slow_consumer_lines(summary)) + list(slow_consumer_tables(summary))
