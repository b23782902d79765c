"""swarm/cluster: two workers and a master over a wire that loses, repeats and reorders, without a socket."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
import msgspec
import pytest
from gevent.event import Event

from loadtest.clock import SystemClock
from loadtest.results import Record
from loadtest.swarm import control_port
from loadtest.swarm.cluster import messages
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.reports import RECORDS
from loadtest.swarm.cluster.worker import WorkerSession

DIGESTS = {"smoke": {"users": "u1", "target.token": "t1"}}


class Wire:
    """Carries messages between one master and its workers through msgpack; `lossy` may drop, repeat and delay them."""

    def __init__(self) -> None:
        self.master: MasterSession | None = None
        self.workers: dict[str, WorkerSession] = {}
        self.lossy: random.Random | None = None
        self.cut: set[str] = set()
        self.log: list[tuple[str, str]] = []

    def end_of(self, worker: str | None) -> "End":
        return End(self, worker)

    def deliver(self, worker: str, act: Callable[[], None]) -> None:
        times, delay = 1, 0.0
        if worker in self.cut:
            return
        if self.lossy is not None:
            times = self.lossy.choice((0, 1, 1, 2))
            delay = self.lossy.random() * 0.02
        for _ in range(times):
            gevent.spawn_later(delay, act)


class End:
    """One end of the wire, as WorkerSession and MasterSession want it."""

    def __init__(self, wire: Wire, worker: str | None) -> None:
        self.wire = wire
        self.worker = worker

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        packed = msgspec.msgpack.encode(data)
        worker = self.worker or client_id
        assert worker is not None
        self.wire.log.append((worker, msg_type))
        self.wire.deliver(worker, lambda: self._arrive(worker, msg_type, msgspec.msgpack.decode(packed)))

    def _arrive(self, worker: str, msg_type: str, data: Any) -> None:
        kinds = (messages.Hello, messages.Leaving, messages.Welcome, messages.Refused, messages.Begin, messages.Ack)
        kinds = (*kinds, messages.Drain, messages.TakeTurn, messages.Rejoin, messages.Standing, messages.ClockAsk)
        kinds = (*kinds, messages.ClockTell)
        by_name = {messages.name_of(kind): kind for kind in kinds}
        if self.worker is None:
            self.wire.workers[worker].receive(by_name[msg_type], data)
        elif msg_type == RECORDS:
            assert self.wire.master is not None
            self.wire.master.on_records(worker, data)
        else:
            assert self.wire.master is not None
            self.wire.master.receive(by_name[msg_type], worker, data)


@pytest.fixture
def wire() -> Wire:
    wire = Wire()
    wire.master = MasterSession(wire.end_of(None), SystemClock(), DIGESTS)
    return wire


def a_worker(wire: Wire, name: str, digests: dict[str, dict[str, str]] = DIGESTS) -> WorkerSession:
    session = wire.workers[name] = WorkerSession(wire.end_of(name), SystemClock(), name, digests)
    return session


def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.005)


def joined(wire: Wire, *names: str) -> list[WorkerSession]:
    sessions = [a_worker(wire, name) for name in names]
    for session in sessions:
        session.join()
    assert wire.master is not None
    assert wire.master.await_workers(len(names), 5.0)
    return sessions


def begun(wire: Wire, *names: str) -> list[WorkerSession]:
    sessions = joined(wire, *names)
    assert wire.master is not None
    wire.master.begin("r1", ["http://127.0.0.1:1"], "smoke")
    until(lambda: all(session.run is not None for session in sessions))
    return sessions


def test_a_worker_joins_and_learns_of_the_run(wire: Wire) -> None:
    first, second = begun(wire, "w1", "w2")
    assert (first.index, second.index) == (0, 1)
    assert first.run is not None
    assert (first.run.run, first.run.targets, first.run.profile) == ("r1", ["http://127.0.0.1:1"], "smoke")


def test_a_late_worker_learns_how_long_the_run_has_gone_on(wire: Wire) -> None:
    begun(wire, "w1")
    assert wire.master is not None
    assert wire.master.run is not None
    wire.master.run.origin -= 100.0
    late = a_worker(wire, "w2")
    late.join()
    until(lambda: late.run is not None)
    assert late.elapsed() == pytest.approx(100.0, abs=1.0)


@pytest.mark.parametrize(
    ("digests", "sentence"),
    [
        ({}, "it has no profile 'smoke'"),
        ({"smoke": {"users": "u2", "target.token": "t1"}}, "differs from the master's in users;"),
        ({"smoke": {"users": "u1", "target.token": "t2"}}, "differs from the master's in target.token;"),
    ],
)
def test_a_worker_that_would_run_something_else_is_refused_with_a_sentence(
    wire: Wire, digests: dict[str, dict[str, str]], sentence: str
) -> None:
    refusals: list[str] = []
    worker = a_worker(wire, "w1", digests)
    worker.receive = lambda _kind, data: refusals.append(data["reason"])  # type: ignore[method-assign, assignment]
    worker.join()
    until(lambda: bool(refusals))
    assert sentence in refusals[0]
    assert wire.master is not None
    assert wire.master.eligible() == []


def test_a_refused_worker_ends_with_the_code_for_bad_configuration(wire: Wire) -> None:
    worker = a_worker(wire, "w1")
    with pytest.raises(SystemExit) as ended:
        worker.receive(messages.Refused, {"reason": "no"})
    assert ended.value.code == 2


def test_a_worker_of_another_version_is_refused(wire: Wire) -> None:
    assert wire.master is not None
    wire.workers["w1"] = a_worker(wire, "w1")
    seen: list[Any] = []
    wire.workers["w1"].receive = lambda kind, data: seen.append((kind, data))  # type: ignore[method-assign, assignment]
    wire.master.receive(messages.Hello, "w1", {"protocol": 99, "version": "0.0.1", "digests": DIGESTS})
    until(lambda: bool(seen))
    assert seen[0][0] is messages.Refused
    assert "version 0.0.1" in seen[0][1]["reason"]


@pytest.mark.parametrize("wire_data", [None, 7, "x", {}, {"protocol": "1"}, {"protocol": 1, "version": 2}, [[]] * 5])
def test_a_malformed_message_is_counted_and_dropped(
    wire: Wire, wire_data: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wire.master is not None
    monkeypatch.setattr(control_port, "DROPPED", Counter())
    wire.master.receive(messages.Hello, "stranger", wire_data)
    wire.master.on_records("stranger", wire_data)
    each = len(wire_data) if isinstance(wire_data, list) else 1
    assert {"a message of ours that is malformed": 1 + each} == control_port.DROPPED
    assert wire.master.roster.members == {}


def test_records_of_a_stranger_another_run_or_under_another_name_are_refused(wire: Wire) -> None:
    begun(wire, "w1", "w2")
    assert wire.master is not None
    assert wire.master.run is not None
    counters = {"g": {"messages": 5}}
    for sender, worker, run in (("w3", "w3", "r1"), ("w1", "w1", "r0"), ("w1", "w2", "r1")):
        record = Record(run, worker, 0, 10, 10, [], counters, {}, {}, {})
        wire.master.on_records(sender, [record.to_wire()])
    assert wire.master.run.summary.counted(None, "messages") == 0


def test_a_wire_that_loses_repeats_and_reorders_changes_no_count(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.swarm.cluster.outbox.RESEND_S", 0.02)
    monkeypatch.setattr("loadtest.swarm.cluster.drain.REPEAT_DRAIN_S", 0.05)
    sessions = begun(wire, "w1", "w2", "w3")
    assert wire.master is not None
    assert wire.master.run is not None
    wire.lossy = random.Random(3)
    for i, session in enumerate(sessions):
        for second in range(20):
            session.recorder.tally("g").messages += i + 1
            session.recorder.error("g", "odd") if second % 2 else None
            session.reports.close(second, final=False)
            session.reports.send_due()
    assert wire.master.drain(10.0) == []
    assert wire.master.run.summary.counted(None, "messages") == 20 * (1 + 2 + 3)
    assert wire.master.run.summary.errors["g"] == {"odd": 30}
    assert wire.master.run.missing() == []


def test_a_worker_drops_a_record_only_when_it_was_acknowledged(wire: Wire) -> None:
    (session,) = begun(wire, "w1")
    wire.cut.add("w1")
    session.reports.close(0, final=False)
    session.reports.send_due()
    gevent.sleep(0)
    assert len(session.reports.outbox) == 1
    wire.cut.clear()
    session.reports.outbox._sent.clear()  # as if RESEND_S had passed
    session.reports.send_due()
    until(lambda: not len(session.reports.outbox))


def test_a_worker_that_does_not_answer_is_named_after_the_drain(wire: Wire) -> None:
    begun(wire, "w1", "w2")
    wire.cut.add("w2")
    assert wire.master is not None
    assert wire.master.drain(0.5) == ["w2"]


def test_the_drain_does_not_wait_for_a_worker_that_is_gone(wire: Wire) -> None:
    begun(wire, "w1", "w2")
    wire.cut.add("w2")
    assert wire.master is not None
    wire.master.alive = lambda identity: identity != "w2"
    with gevent.Timeout(5.0):
        assert wire.master.drain(60.0) == ["w2"]


def test_users_leave_before_the_final_record_is_made(wire: Wire) -> None:
    (session,) = begun(wire, "w1")
    assert wire.master is not None
    assert wire.master.run is not None
    session.leave = lambda _seconds: setattr(session.recorder.tally("g"), "closed_by_us", 7)
    assert wire.master.drain(5.0) == []
    assert wire.master.run.summary.counted(None, "closed_by_us") == 7


def test_a_leaving_worker_gets_no_more_users_and_loses_nothing(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")
    assert wire.master is not None
    assert wire.master.run is not None
    first.recorder.tally("g").messages += 3
    first.quit(5.0)
    until(lambda: wire.master is not None and wire.master.eligible() == ["w2"])  # this wire keeps no order
    assert wire.master.run.is_complete("w1")
    assert wire.master.run.summary.counted(None, "messages") == 3


def test_the_next_run_begins_with_nothing_of_the_last(wire: Wire) -> None:
    (session,) = begun(wire, "w1")
    assert wire.master is not None
    assert wire.master.drain(5.0) == []
    session.recorder.tally("g").messages += 99  # a straggler between two runs
    wire.master.begin("r2", [], "smoke")
    until(lambda: session.run is not None and session.run.run == "r2")
    assert wire.master.drain(5.0) == []
    assert wire.master.run is not None
    assert wire.master.run.summary.counted(None, "messages") == 0


def test_waiting_for_workers_ends_when_enough_are_there_or_time_is_up(wire: Wire) -> None:
    assert wire.master is not None
    assert not wire.master.await_workers(1, 0.05)
    there = Event()
    gevent.spawn(lambda: (wire.master is not None and wire.master.await_workers(2, 10.0)) and there.set())
    joined(wire, "w1", "w2")
    assert there.wait(5.0)


def another_master(wire: Wire) -> MasterSession:
    """The first is dead, and this one does not go on with its run."""
    wire.master = MasterSession(wire.end_of(None), SystemClock(), DIGESTS)
    return wire.master


def test_a_worker_in_the_middle_of_another_run_takes_part_only_when_it_has_let_that_go(wire: Wire) -> None:
    (worker,) = begun(wire, "w1")
    gone = Event()
    worker.leave = lambda _seconds: gone.wait()
    master = another_master(wire)
    worker.receive(messages.Rejoin, {})
    until(lambda: master.roster.members.get("w1") is not None and worker.leaving)
    assert not master.await_workers(1, 0.2)
    state = master.begin("r2", ["http://127.0.0.1:1"], "smoke")
    gone.set()
    until(lambda: worker.run is not None and worker.run.run == "r2")
    for _ in range(3):
        worker.recorder.tally("g").connects += 1
        gevent.sleep(0.8)
    assert master.drain(5.0) == []
    assert state.summary.counted("g", "connects") == 3


def test_a_worker_that_leaves_one_run_for_another_closes_one_record_a_second(wire: Wire) -> None:
    (worker,) = begun(wire, "w1")
    gevent.sleep(1.2)
    master = another_master(wire)
    state = master.begin("r2", ["http://127.0.0.1:1"], "smoke")
    worker.receive(messages.Rejoin, {})
    until(lambda: "w1" in state.participants and worker.run is not None and worker.run.run == "r2")
    began = worker.elapsed()
    gevent.sleep(3.5)
    closed = worker.reports.serial
    assert 2 <= closed <= worker.elapsed() - began + 1


def test_a_worker_that_came_back_while_its_run_ended_takes_part_in_the_next_one(wire: Wire) -> None:
    worker, _ = begun(wire, "w1", "w2")
    master = wire.master
    assert master is not None
    wire.cut.add("w1")
    master.lose("w1")
    over = gevent.spawn(master.drain, 5.0)
    until(lambda: master.run is not None and master.run.over)
    wire.cut.discard("w1")
    master.admits("w1", "heartbeat", known=True)
    over.join()
    state = master.begin("r2", ["http://127.0.0.1:1"], "smoke")

    def heard() -> bool:
        master.admits("w1", "heartbeat", known=True)
        return "w1" in state.participants and "w1" in master.eligible()

    until(heard)
    until(lambda: worker.run is not None and worker.run.run == "r2")
    worker.recorder.tally("g").connects += 1
    assert master.drain(5.0) == []
    assert state.summary.counted("g", "connects") == 1
