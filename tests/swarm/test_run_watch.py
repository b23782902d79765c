"""swarm/watch.py: what a master shows is made once a second, and follows the run to its end."""

from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from monitored import measured, record, summed

from loadtest.results import Summary
from loadtest.swarm.runs import Current
from loadtest.swarm.watch import SETTLED_S, Watch
from loadtest.verdict import RunVerdict


class Hands:
    """A clock that stands still."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def one_second(second: int) -> Any:
    return record(
        second,
        measured("market", "delivery", [0.001]),
        counters={"market": {"connects": 1, "connected": 1, "messages": 3}},
        gauges={"market": {"users": 4, "open": 4}},
        health={"cpu": 0.5},
    )


class Master:
    """A run that has gone on for a while, and what there is around it."""

    def __init__(self, seconds: int) -> None:
        self.summary: Summary = summed(*(one_second(n) for n in range(seconds)))
        self.run = Current("r1", None, None, ("http://a",), begun=True)
        self.members = {"w1": SimpleNamespace(leaving=False), "w2": SimpleNamespace(leaving=False)}
        state = SimpleNamespace(summary=self.summary, participants={"w1": None})
        self.elapsed = float(seconds + SETTLED_S)
        self.clock = Hands()
        self.states = {"w1": "running", "w2": "ready"}
        roster = SimpleNamespace(members=self.members)
        session = SimpleNamespace(run=state, roster=roster, elapsed=lambda: self.elapsed)
        conductor: Any = SimpleNamespace(session=session, current=self.run)
        self.watch = Watch(conductor, self.clock, lambda: self.states)

    def follow_to_the_end(self) -> None:
        self.run.over, self.run.duration = True, self.elapsed
        self.run.verdict = RunVerdict("pass", "all SLOs held")


@pytest.fixture
def master() -> Master:
    return Master(5)


def begin(master: Master, *, seconds: int) -> None:
    """Begin, and wait until so many seconds are shown."""
    master.watch.begin(master.run)
    for second in range(5):
        master.watch.add(one_second(second))
    with gevent.Timeout(10):
        while master.watch.history.next < seconds:
            gevent.sleep(0.01)


def test_without_a_run_only_the_workers_are_known(master: Master) -> None:
    master.run.begun = False
    status = master.watch.status()
    assert (status.state, status.run_id) == ("idle", "")
    assert [worker.name for worker in status.workers] == ["w1", "w2"]


def test_seconds_are_shown_once_they_are_complete(master: Master) -> None:
    master.elapsed = 3.0 + SETTLED_S
    begin(master, seconds=3)
    assert master.watch.timeline(0).next == 3
    assert [point[0] for point in master.watch.timeline(0).points] == [0, 1, 2]


def test_the_end_of_a_run_is_shown_to_its_last_second(master: Master) -> None:
    master.elapsed = 0.0
    master.follow_to_the_end()
    begin(master, seconds=5)
    status = master.watch.status()
    assert status.ending is not None
    assert (status.state, status.ending.verdict, status.users.now) == ("ended", "pass", 0)
    assert [point[0] for point in master.watch.timeline(0).points] == [0, 1, 2, 3, 4]


def test_an_answer_is_made_once_a_second_however_many_ask(master: Master) -> None:
    begin(master, seconds=5)
    first = master.watch.status()
    assert master.watch.status() is first
    assert master.watch.metrics() is master.watch.metrics()
    master.clock.now += 1.0
    assert master.watch.status() is not first


def test_rates_are_those_of_the_seconds_that_are_complete(master: Master) -> None:
    begin(master, seconds=5)
    (market,) = master.watch.status().streams
    assert (market.messages_per_s, market.messages, market.open) == (3, 15, 5)


@pytest.mark.parametrize(
    ("change", "state", "users"),
    [
        ({}, "running", 4),
        ({"state": "missing"}, "missing", 4),  # it may come back, with its users
        ({"state": None}, "left", 0),  # Locust does not know it any more
        ({"leaving": True}, "leaving", 4),
    ],
)
def test_a_worker_is_in_one_state(master: Master, change: dict[str, Any], state: str, users: int) -> None:
    master.members["w1"].leaving = change.get("leaving", False)
    if "state" in change:
        master.states = {"w2": "ready"} | ({"w1": change["state"]} if change["state"] else {})
    begin(master, seconds=5)
    (first, *_) = master.watch.status().workers
    assert (first.name, first.state, first.users) == ("w1", state, users)


def test_the_next_run_begins_with_nothing(master: Master) -> None:
    begin(master, seconds=5)
    master.follow_to_the_end()
    master.elapsed = 0.0
    master.watch.begin(Current("r2", None, None, (), begun=True))
    assert master.watch.timeline(3).points == []
    assert master.watch.timeline(3).whole
