"""report/slow_consumers.py: the same figures on the console, in summary.json and in the tables of the report."""

import pytest
from support.slow_runs import RUN, run_of

from loadtest.report.slow_consumers import (
    slow_consumer_lines,
    slow_consumer_tables,
    slow_consumers_json,
    what_the_server_did,
)
from loadtest.results import Summary
from loadtest.results.slow_consumers import Closes, SlowGroup


def test_a_run_with_slow_consumers_tells_of_them_in_every_form() -> None:
    summary = run_of(*RUN)
    assert list(slow_consumer_lines(summary)) == [
        (
            "  slow · slow: behind p50 3 s, max 4 s, 3 s in the end; 28 lost; 3 kB unread at most;"
            " the server closed nobody"
        ),
        "  slow · the server dropped 28 of their messages",
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
    assert groups.rows == (
        ("slow", "3", "7", "28", "3 s", "4 s", "4 s", "3 s", "3", "nobody", "dropped 28 of their messages"),
    )
    assert [row[:3] for row in felt.rows] == [("while one was behind", "3", "3"), ("without", "2", "2")]


def behind(*seconds: float, lost: int | None = 0, closes: tuple[Closes, ...] = ()) -> SlowGroup:
    """A group that was so far behind in each of these seconds."""
    slow = SlowGroup("slow", lost=lost, closes=closes, track=list(enumerate(seconds)))
    for value in seconds:
        slow.behind.record(value)
    return slow


def test_growth_is_by_the_seconds_of_the_run_however_few_of_them_have_a_message() -> None:
    slow = SlowGroup("slow", track=[(5 * number, 2.5 * number) for number in range(16)])
    assert slow.growth == 0.5


@pytest.mark.parametrize(
    ("slow", "words"),
    [
        (
            behind(*(0.5 * second for second in range(40))),  # reads half of what comes
            "buffered more and more for them: 30 s further behind with each minute at the end",
        ),
        (
            behind(*(min(second, 8.0) for second in range(40)), lost=120),  # a queue of 8 s, then drops
            "dropped 120 of their messages",
        ),
        (
            behind(*(min(second, 8.0) for second in range(40)), lost=None),
            "buffered up to 8 s for them and no more; whether it drops, only a sequence tells",
        ),
        (
            behind(*(second % 10 for second in range(60))),  # pauses, and catches up each time
            "buffered up to 9 s for them and no more; nothing is lost",
        ),
        (
            behind(
                *(float(second) for second in range(40)), lost=7, closes=(Closes("closed by server: 1013", 3, 30.0),)
            ),
            (
                "closed 3 of their connections and dropped 7 of their messages and"
                " buffered more and more for them: 60 s further behind with each minute at the end"
            ),
        ),
        (
            behind(1.0, 2.0, 3.0),
            "buffered up to 3 s for them, for how long is not known: the run was too short to tell",
        ),
        (behind(0.2, 0.1, 0.3), "hardly sent more than they read"),
        (behind(), "did nothing that can be told: they took no message"),
    ],
)
def test_what_the_server_did_is_told_in_words(slow: SlowGroup, words: str) -> None:
    assert what_the_server_did(slow) == words


def test_a_run_without_them_says_nothing() -> None:
    summary = Summary("r1")
    assert slow_consumers_json(summary) == {}
    assert not list(slow_consumer_lines(summary)) + list(slow_consumer_tables(summary))
