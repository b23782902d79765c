"""report/broadcasts.py: completeness in percent, or not applicable; skew with what of it may be ours."""

from audiences import Worker

from loadtest.report.broadcasts import broadcasts_json
from loadtest.results import Measured, Record, Summary


def run(*, own: bool = False) -> Summary:
    """Two workers of two connections each; in the third of five broadcasts one connection is left out."""
    summary = Summary("r1")
    workers = [Worker("w0", error=0.0002), Worker("w1", error=0.0003)]
    for serial in (0, 1):
        for worker in workers:
            for number in range(5) if serial else ():
                for i in range(2):
                    payload = b"%s%d%d" % (worker.name.encode(), i, number) if own else b"%d" % number
                    if own or (number, worker.name, i) != (2, "w1", 1):
                        worker.get(f"{worker.name}{i}", float(number), payload, None if own else number)
            for who in list(worker.followers):
                worker.leave(who, 10.0)
            told = worker.tell(10.0 * serial, final=bool(serial))
            series = [Measured("g", "websocket", "gap", "/ws", 1, 0, 0, None)]
            counters = {"g": {"messages": 10, "sequenced": 0 if own else 10}}
            summary.add(
                Record(
                    "r1",
                    worker.name,
                    0,
                    serial,
                    9,
                    series,
                    counters,
                    {},
                    {},
                    {},
                    final=bool(serial),
                    fanout=told.fanout,
                )
            )
    summary.close()
    return summary


def test_what_one_connection_missed_is_told_in_percent_of_what_counted() -> None:
    (found,) = broadcasts_json(run()).values()
    assert found == {
        "judged": 4,
        "unjudged": 1,
        "expected": 16,
        "counted": 15,
        "completeness": 93.75,
        "skew_floor_ms": 0.5,
        "sequenced": True,
    }


def test_nobody_is_told_of_a_completeness_that_is_not_known() -> None:
    (found,) = broadcasts_json(run(own=True)).values()
    assert (found["completeness"], found["expected"]) == (None, 0)
