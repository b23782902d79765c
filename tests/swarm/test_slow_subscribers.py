"""swarm/slow_subscribers.py: what is counted of slow consumers, and kept apart from everybody else's figures."""

import json
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from locust.env import Environment

import gevent
import pytest
from gevent.event import Event
from support.hostile_server import frame, upgrade
from support.http_server import Peer, Script, serving
from support.leaks import nothing_left_open, settle

from loadtest.clock import SystemClock
from loadtest.fanout import AudienceReport, misses
from loadtest.profiles import Target
from loadtest.results import Record
from loadtest.swarm import WebSocketUser, transport
from loadtest.swarm.catalog import Catalog
from loadtest.swarm.cluster.messages import Begin
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.locust_patches import replace_stop_users
from loadtest.swarm.sessions import LocalSession, attach
from loadtest.swarm.slow_subscribers import SlowSubscribers


class Nowhere:
    """A link on which nothing ever arrives."""

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Lost."""


class Laggard(WebSocketUser):
    """Takes 20 messages a second."""

    target = Target.model_validate({"url": "http://127.0.0.1:1", "clock": "same"})
    timed: ClassVar[dict[str, Any]] = {"send_time": {"field": "at"}, "sequence": "n"}
    settings: ClassVar[dict[str, Any]] = {"read": {"rate": "20/s", "buffer": "4KiB"}, **timed}


class Slumberer(WebSocketUser):
    """Pauses longer than silence may last."""

    target = Laggard.target
    settings: ClassVar[dict[str, Any]] = {"read": {"pause": "500ms", "every": "600ms"}, "silence": "200ms"}


class Run:
    """One worker with users of one class, against one server."""

    def __init__(self, session: LocalSession, kind: type[WebSocketUser]) -> None:
        self.session = session
        self.kind = kind
        runner = session.environment.runner
        assert runner is not None
        runner.spawn_users({kind.__name__: 1})

    @property
    def shared(self) -> SlowSubscribers:
        shared = self.session.subscribers(self.kind)
        assert isinstance(shared, SlowSubscribers)
        return shared

    def a_second_passes(self, seconds: float = 1.0) -> None:
        """As far as those are concerned who look after connections; more than one if the worker stood still."""
        self.shared._looked = time.monotonic() - seconds
        self.shared._each_second()

    def record(self) -> Record:
        return self.session.worker.recorder.take("r1", "w1", (0, 0), 0, {})

    def told(self) -> list[AudienceReport]:
        return self.session.worker.recorder.hear(time.monotonic(), 0.0, 0.0, 0.0, final=True)

    def leave(self) -> Record:
        with gevent.Timeout(10):
            self.session.leave(5)
        return self.record()


@pytest.fixture(autouse=True)
def no_descriptor_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transport, "LINGER_S", 0.1)
    with nothing_left_open():
        yield


@contextmanager
def running(kind: type[WebSocketUser], script: Script) -> Iterator[Run]:
    with serving(script) as server:
        environment = Environment(user_classes=[kind])
        runner = environment.create_local_runner()
        replace_stop_users(runner)
        worker = WorkerSession(Nowhere(), SystemClock(), "w1", {})
        session = LocalSession(environment, worker, Catalog())
        attach(environment, session)
        worker.begin(Begin("r1", 0.0, [server.url]))
        try:
            yield Run(session, kind)
        finally:
            session.leave(5)
            runner.quit()
            worker.begin(Begin("r2", 0.0, []))  # the last run's groups, and their connections, are let go of


def say(number: int) -> bytes:
    return frame(0x81, json.dumps({"n": number, "at": time.time(), "text": "." * 500}).encode())


def measured(record: Record) -> dict[str, int]:
    return {series.measure: series.count for series in record.series if series.group != "(worker)"}


def close(peer: Peer) -> None:
    """Answer the client's Close."""
    while (data := peer.sock.recv(65536)) and data[0] != 0x88:
        pass
    peer.send(frame(0x88, struct.pack("!H", 1000)))


def test_messages_are_timed_as_behind_and_as_nothing_else_and_what_came_at_our_close_is_counted() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        for number in (*range(20), *range(25, 40)):
            peer.send(say(number))
        close(peer)

    with running(Laggard, script) as run:
        settle(lambda: run.shared.tally.messages >= 10)
        taken = run.shared.tally.messages
        assert taken < 20
        behind = run.shared.behinds.histogram
        assert behind.count == taken
        assert (taken - 2) / 20 <= behind.max <= 5
        record = run.leave()
    assert record.counters["Laggard"]["messages"] == 35
    assert record.counters["Laggard"]["lost"] == 5
    assert record.counters["Laggard"]["closed_by_us"] == 1
    assert set(measured(record)) == {"connect", "behind"}
    assert measured(record)["behind"] < 35  # nobody waited for what was read after the end
    assert not record.errors


def test_it_is_told_how_much_waits_and_for_how_many() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        for number in range(100):
            peer.send(say(number))
        close(peer)

    with running(Laggard, script) as run:
        settle(lambda: run.shared.open)
        settle(lambda: run.record().gauges["Laggard"]["unread"])
        gauges = run.record().gauges["Laggard"]
        assert 0 < gauges["unread"] <= 16384
        assert (gauges["open"], gauges["behind"]) == (1, 1)
        assert run.told() == []  # no broadcast is judged
        run.leave()


def test_a_close_by_the_server_is_told_with_its_code_and_how_long_it_took() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        if peer.index:  # it came back
            close(peer)
            return
        for number in range(3):
            peer.send(say(number))
        gevent.sleep(0.3)
        peer.send(frame(0x88, struct.pack("!H", 1008)))

    with running(Laggard, script) as run:
        settle(lambda: run.shared.tally.connected == 2)
        record = run.leave()
    (closed,) = [series for series in record.series if series.measure == "closed_after"]
    assert (closed.name, closed.count) == ("closed by server: 1008", 1)
    assert record.errors == {"Laggard": {"closed by server: 1008": 1}}
    assert record.counters["Laggard"]["closed_by_server"] == 1
    assert record.counters["Laggard"]["closed_by_us"] == 1
    assert record.counters["Laggard"]["connected"] == 2


def test_the_time_to_a_reset_is_the_kernels_and_not_that_at_which_the_reader_came_to_it() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        if peer.index:
            close(peer)
            return
        for number in range(20):
            peer.send(say(number))
        settle(lambda: taken)
        peer.reset()

    taken: list[int] = []
    with running(Laggard, script) as run:
        settle(lambda: run.shared.tally.messages)
        (subscription,) = run.shared.open
        taken.append(1)
        settle(subscription.connection.gone)
        run.a_second_passes()
        known = subscription.gone_at
        assert known is not None
        settle(lambda: run.shared.tally.connected == 2)
        ended = time.monotonic()
        times = run.shared.closings("connection reset").histogram
        assert times.max == pytest.approx(known - subscription.opened_at, rel=1e-3)
        assert ended - known > 3 * 0.05  # it still had some messages to take, 50 ms each
        run.leave()


def test_its_own_pause_is_no_silence_of_the_server() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        for number in range(2):
            peer.send(say(number))
        asleep.wait()
        peer.send(say(3))
        close(peer)

    asleep = Event()
    with running(Slumberer, script) as run:
        settle(lambda: run.shared.tally.messages == 2)
        (subscription,) = run.shared.open
        settle(lambda: subscription.connection._pace.wait(time.monotonic()))
        asleep.set()
        settle(subscription.connection.unread)
        settle(lambda: time.monotonic() - subscription.last > 0.3)  # longer than `silence`, most of it a pause
        run.a_second_passes()
        assert run.shared.tally.silences == 0
        settle(lambda: run.shared.tally.messages == 3)
        settle(lambda: time.monotonic() - (subscription.connection.starving_since or time.monotonic()) > 0.25)
        run.a_second_passes(10.0)  # what came while the worker stood still has not been read yet
        assert run.shared.tally.silences == 0
        run.a_second_passes()  # now it has been waiting for the server for longer than that
        assert run.shared.tally.silences == 1
        run.leave()


def test_a_pause_in_which_the_connection_ends_is_no_silence_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        if peer.index:
            close(peer)
            return
        peer.send(say(0) + say(1))
        asleep.wait()
        peer.reset()

    asleep = Event()
    monkeypatch.setattr(misses, "QUIET_S", 0.2)
    with running(Slumberer, script) as run:
        settle(lambda: run.shared.tally.messages == 2)
        (subscription,) = run.shared.open
        settle(lambda: subscription.connection._pace.wait(time.monotonic()))
        last = subscription.last
        asleep.set()
        settle(lambda: run.shared.tally.closed_by_network)
        assert time.monotonic() - last > 0.2
        assert run.told() == []
        run.leave()


def test_what_each_connection_lost_by_its_numbers_is_told_and_no_broadcast_is() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.send(say(0) + say(3) + say(4))
        close(peer)

    with running(Laggard, script) as run:
        settle(lambda: run.shared.tally.messages == 3)
        record = run.leave()
        (report,) = run.told()
    assert (report.heard, report.joined, report.left, report.off) == ([], [], [], True)
    assert report.missed is not None
    assert (report.missed.sums, report.missed.most) == ((2, 0, 0), [2, 0, 0, 0])
    assert record.counters["Laggard"]["lost"] == 2


def test_where_messages_do_not_say_when_they_were_sent_a_ping_tells_how_long_the_line_is() -> None:
    class Untimed(Laggard):
        settings: ClassVar[dict[str, Any]] = {"read": {"rate": "20/s"}}

    def script(peer: Peer) -> None:
        upgrade(peer)
        for number in range(10):
            peer.send(say(number))
        masked = peer.sock.recv(100)
        mask, body = masked[2:6], masked[6:]
        peer.send(frame(0x8A, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))))
        close(peer)

    with running(Untimed, script) as run:
        settle(lambda: run.shared.open)
        (subscription,) = run.shared.open
        subscription.pinged = 0.0
        run.a_second_passes()
        settle(lambda: run.shared.backlogs.histogram.count)
        record = run.leave()
    assert measured(record) == {"connect": 1, "backlog": 1}
    assert record.counters["Untimed"]["messages"] == 10
