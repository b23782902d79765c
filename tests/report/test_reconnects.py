"""report/reconnects.py: how connections came about, came back and ended, worked out by hand."""

from sample_run import FACTS, measured

from loadtest.report import to_text
from loadtest.report.document import to_json
from loadtest.report.reconnects import reconnects_json
from loadtest.results import Record, Summary

COUNTS = {"connects": 12, "connected": 10, "connects_failed": 2, "closed_by_server": 3, "closed_by_us": 7}
ENDINGS = {"failed: connect: HTTP 503": 1, "failed (ours): connect: out of descriptors": 1}
CLOSED = {"closed by server: 1001": 3, "closed by us: 1000": 7}


def storm(never: int = 0) -> Summary:
    """Two workers: twenty were cut, of whom `never` did not come back."""
    back = measured("websocket", "reconnect", "/ws", *[0.1 * n for n in range(1, 21 - never)], failures=never)
    summary = Summary("r1")
    groups = {"subscribers": COUNTS}
    summary.add(Record("r1", "w1", 0, 0, 4, [back], groups, {}, {}, {}, endings={"subscribers": ENDINGS}))
    summary.add(Record("r1", "w1", 0, 1, 5, [], {"subscribers": {"connects": 3}}, {}, {}, {}))
    more = {"subscribers": {"connects": 8, "connected": 2, "connects_cancelled": 6, "missed_meanwhile": 9}}
    summary.add(Record("r1", "w2", 0, 0, 4, [], more, {}, {}, {}, endings={"subscribers": CLOSED}))
    return summary


def test_a_storm_says_when_how_many_were_back_and_what_kept_them() -> None:
    found = reconnects_json(storm())["subscribers"]
    assert (found["count"], found["back"], found["missed_meanwhile"]) == (20, 20, 9)
    assert [round(found[f"back_{share}_ms"], -1) for share in (50, 95, 100)] == [1000, 1900, 2000]
    assert (found["peak_attempted_per_s"], found["peak_established_per_s"]) == (20, 12)  # second 4, both workers
    assert found["refused"] == ENDINGS


def test_a_share_that_was_never_back_has_no_time() -> None:
    found = reconnects_json(storm(never=2))["subscribers"]
    assert (found["count"], found["back"]) == (20, 18)
    assert round(found["back_50_ms"], -1) == 1000
    assert (found["back_95_ms"], found["back_100_ms"]) == (None, None)
    assert "back: 18 of 20; 50 % after 1,000 ms, 95 % never, 100 % never" in to_text(FACTS, storm(never=2))


def test_who_never_had_to_come_back_has_no_storm() -> None:
    summary = Summary("r1")
    series = [measured("websocket", "connect", "/ws", 0.01)]
    summary.add(Record("r1", "w1", 0, 0, 0, series, {"subscribers": {"connects": 1, "connected": 1}}, {}, {}, {}))
    assert reconnects_json(summary) == {}
    assert "at most 1 begun and 1 established in a second" in to_text(FACTS, summary)


def test_the_ledger_tells_causes_and_codes() -> None:
    ledger = to_json(FACTS, storm())["ledger"]["subscribers"]
    assert ledger["causes"] == ENDINGS | CLOSED
    assert ledger["failed"] == sum(n for why, n in ledger["causes"].items() if why.startswith("failed"))
    assert ledger["closed_by_server"] == ledger["causes"]["closed by server: 1001"]


def test_the_jitter_stands_beside_the_gap_and_nowhere_else() -> None:
    summary = Summary("r1")
    series = [measured("websocket", "gap", "/ws", 0.4, 0.6, 0.5, 0.5), measured("websocket", "ping", "/ws", 0.01)]
    summary.add(Record("r1", "w1", 0, 0, 0, series, {"subscribers": {"messages": 5}}, {}, {}, {}))
    gap, ping = to_json(FACTS, summary)["metrics"]
    assert abs(gap["jitter"] - 50) < 0.3  # half of them are 100 ms off
    assert ping["jitter"] is None
    assert "gap: 500 ms on average, jitter 50" in to_text(FACTS, summary)
