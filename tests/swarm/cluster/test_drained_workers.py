"""swarm/cluster: workers that drained for a master that died, and the one that goes on with their run."""

import gevent
import pytest
from gevent.event import Event
from test_cluster import DIGESTS, Wire, begun, until, wire

from loadtest.clock import SystemClock
from loadtest.results import Record, Summary
from loadtest.swarm.cluster.master import MasterSession
from loadtest.swarm.cluster.messages import Drain, Rejoin
from loadtest.swarm.cluster.outbox import Outbox
from loadtest.swarm.cluster.reports import DEAF_S
from loadtest.swarm.cluster.roster import END_PATIENCE_S, LOST_AFTER_S
from loadtest.swarm.cluster.state import RunState
from loadtest.swarm.cluster.worker import WorkerSession

__all__ = ["wire"]


def successor(wire: Wire, *, ends: float | None = None) -> MasterSession:
    """Another master, which has read in the journal what the first one knew."""
    first = wire.master
    assert first is not None
    assert first.run is not None
    state = RunState(first.run.begin, first.run.origin, first.run.summary, resumed=True)
    state.begin = type(state.begin)(state.begin.run, 0.0, state.begin.targets, state.begin.profile, ends=ends)
    state.participants = dict(first.run.participants)
    wire.master = second = MasterSession(wire.end_of(None), SystemClock(), DIGESTS)
    second.resume(state)
    return second


def drained(wire: Wire, worker: WorkerSession) -> None:
    """The master has asked one of its workers to drain, and dies."""
    worker.receive(Drain, {"run": "r1"})
    until(worker.drained.is_set)
    assert wire.master is not None
    assert wire.master.run is not None
    assert wire.master.run.is_complete("w1")


def summary_of(master: MasterSession) -> Summary:
    assert master.run is not None
    return master.run.summary


def test_a_worker_that_had_drained_counts_under_a_new_life_in_a_run_that_goes_on(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")
    first.recorder.tally("g").messages += 3
    drained(wire, first)
    master = successor(wire)
    first.join()
    until(lambda: first.reports.incarnation == 1)
    first.recorder.tally("g").messages += 4
    assert master.drain(5.0) == []
    assert summary_of(master).counted(None, "messages") == 7


def test_a_worker_whose_last_record_comes_while_the_run_goes_on_takes_part_anew(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")
    lost: list[str] = []
    wire.cut.add("w1")
    gevent.spawn(first.drain, 5.0)
    until(lambda: len(first.reports.outbox) > 0)
    master = successor(wire)
    master.on_lost.append(lost.append)
    wire.cut.clear()
    first.reports.outbox.start_over()
    first.join()
    until(lambda: lost == ["w1"])  # nobody is thought to run there
    assert master.eligible() == []
    until(first.drained.is_set)
    master.admits("w1", "heartbeat", known=True)
    until(lambda: master.eligible() == ["w1"])
    assert first.reports.incarnation == 1
    first.recorder.tally("g").messages += 4
    assert master.drain(5.0) == []
    assert summary_of(master).counted(None, "messages") == 4
    assert not summary_of(master).lives.unfinished("w1")


def test_a_worker_that_had_drained_stays_so_when_the_plan_is_over(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")
    drained(wire, first)
    master = successor(wire, ends=0.0)
    assert master.run is not None
    master.roster.let_in("w1")
    master.on_records("w1", [])
    assert master.eligible() == ["w1"]


def test_a_draining_worker_whose_master_is_silent_waits_for_another(wire: Wire) -> None:
    (worker,) = begun(wire, "w1")
    wire.cut.add("w1")
    worker.reports.silent_for = lambda: DEAF_S
    draining = gevent.spawn(worker.drain, 0.1)
    gevent.sleep(0.5)
    assert not draining.ready()
    wire.cut.clear()
    worker.reports.outbox.start_over()
    worker.reports.silent_for = lambda: 0.0
    draining.join(5.0)
    assert draining.ready()
    assert len(worker.reports.outbox) == 0
    assert wire.master is not None
    assert wire.master.drain(1.0) == []


def test_a_worker_that_was_asked_to_end_does_not_wait_for_another_master(wire: Wire) -> None:
    (worker,) = begun(wire, "w1")
    wire.cut.add("w1")
    worker.reports.silent_for = lambda: DEAF_S
    with gevent.Timeout(5.0):
        worker.quit(0.2)
    assert len(worker.reports.outbox) == 2


def test_what_is_on_its_way_to_a_master_that_died_is_due_again_for_the_next(wire: Wire) -> None:
    (worker,) = begun(wire, "w1")
    worker.reports.close(0, final=False)
    now = worker.clock.monotonic()
    outbox: Outbox = worker.reports.outbox
    assert len(outbox.due(now)) == 1
    assert outbox.due(now) == []
    worker.receive(Rejoin, {})
    assert len(outbox.due(now)) == 1


def test_what_a_master_had_only_in_memory_is_kept_for_another_one_until_the_disk_has_it() -> None:
    def kept_for_another(where: str) -> int:
        outbox = Outbox()
        for serial, place in enumerate(where):
            outbox.put(Record("r1", "w1", 0, serial, serial, [], {}, {}, {}, {}))
            outbox.acknowledge(0, [serial], durable=place == "d")
        assert len(outbox) == 0
        outbox.start_over()
        return len(outbox)

    assert kept_for_another("dd") == 0
    assert kept_for_another("dmm") == 2
    assert kept_for_another("mmdm") == 1  # what follows on the disk comes after all before it


def test_a_worker_that_drained_into_the_memory_of_a_master_that_died_hands_over_again(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")  # their master has no disk
    first.recorder.tally("g").messages += 3
    drained(wire, first)
    begin = wire.master.run.begin if wire.master is not None and wire.master.run is not None else None
    assert begin is not None
    state = RunState(begin, SystemClock.monotonic(), Summary("r1"), resumed=True)
    state.participants = {"w1": 0, "w2": 0}
    wire.master = MasterSession(wire.end_of(None), SystemClock(), DIGESTS)
    wire.master.resume(state)
    first.receive(Rejoin, {})
    until(lambda: state.is_complete("w1"))
    wire.master.admits("w1", "heartbeat", known=True)
    until(lambda: first.reports.incarnation == 1)
    assert wire.master.drain(5.0) == []
    assert state.summary.counted(None, "messages") == 3


def test_a_lost_worker_that_comes_back_as_the_run_ends_is_drained_and_not_turned_away(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.swarm.cluster.drain.REPEAT_DRAIN_S", 0.05)
    first, _second = begun(wire, "w1", "w2")
    master, left = wire.master, Event()
    assert master is not None
    master.lose("w1")
    first.leave = lambda _seconds: bool(left.wait(5.0)) or None
    master.admits("w1", "heartbeat", known=True)  # it is told that others have its users, and lets them go
    until(lambda: first.leaving)
    wire.cut.add("w2")  # the drain waits for it
    draining = gevent.spawn(master.drain, 2.0)
    until(lambda: master.run is not None and master.run.over)
    first.recorder.tally("g").messages += 2
    left.set()
    draining.join(5.0)
    assert draining.value == ["w2"]
    assert summary_of(master).counted(None, "messages") == 2
    assert summary_of(master).lives.of("w1")[1].complete
    assert first.run is not None


def test_the_end_waits_for_a_worker_that_was_given_up_shortly_before_and_may_come_back(wire: Wire) -> None:
    first, _second = begun(wire, "w1", "w2")
    master = wire.master
    assert master is not None
    master.roster.heard("w1", "heartbeat")
    first.recorder.tally("g").messages += 2
    wire.cut.add("w1")
    master.lose("w1")
    draining = gevent.spawn(master.drain, 5.0)
    gevent.sleep(0.3)
    assert not draining.ready()
    wire.cut.clear()
    master.admits("w1", "heartbeat", known=True)
    draining.join(3.0)
    assert draining.value == []
    assert summary_of(master).counted(None, "messages") == 2
    (loss,) = summary_of(master).lives.losses()
    assert loss.handed_over


def test_the_end_does_not_wait_for_a_worker_that_was_given_up_long_before_or_has_quit(wire: Wire) -> None:
    begun(wire, "w1", "w2", "w3")
    master = wire.master
    assert master is not None
    for worker in ("w1", "w2"):
        wire.cut.add(worker)
        master.roster.heard(worker, "heartbeat")
        master.lose(worker)
    master.roster.heard("w2", "quit")
    for _ in range(round(END_PATIENCE_S) + 2):  # a look may count for a second at most
        master.roster.heard("w3", "heartbeat")
        assert "w3" not in master.roster.fallen_silent(master.roster.silence._looked + 1.0)
    with gevent.Timeout(3.0):
        assert master.drain(60.0) == []


def test_at_the_end_a_worker_is_given_up_later_than_in_mid_run(wire: Wire) -> None:
    begun(wire, "w1", "w2")
    master = wire.master
    assert master is not None
    roster = master.roster
    roster.heard("w1", "heartbeat")
    for _ in range(round(LOST_AFTER_S) + 2):
        assert roster.fallen_silent(roster.silence._looked + 1.0, at_end=True) == []
    roster.heard("w2", "heartbeat")
    assert roster.fallen_silent(roster.silence._looked) == ["w1"]
