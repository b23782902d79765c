"""swarm/open_arrivals: requests that come due whatever the server does, against servers that are held in the hand."""

from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent.event import Event
from http_server import Peer, answer, serving

from loadtest.clock import SystemClock
from loadtest.profiles import RestGroup, Target
from loadtest.schedule import Arrivals, Stage, Turn
from loadtest.swarm.cluster.messages import Begin
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.open_arrivals import OpenPoller, OpenPollers


class NoLink:
    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Nobody hears it."""


class Pool:
    """A group of open arrivals on one worker, and the greenlets that are its users."""

    def __init__(self, targets: list[str], rate: float, seconds: float, connections: int, **group: Any) -> None:
        self.session = WorkerSession(NoLink(), SystemClock(), "w", {})
        self.session.begin(Begin("r", 0.0, targets))
        gevent.kill(self.session._ticker)  # no Record takes the counts away
        spec = {"pace": {"rate": "1/s"}, "requests": [{"get": "/x"}], **group}
        target = Target.model_validate({"url": targets[0]})
        self.shared = OpenPollers(self.session, "visitors", RestGroup.model_validate(spec), target)
        self.shared.begin(targets, 1)
        self.shared.follow(Arrivals.of([Stage.step(rate)]).ends_at(seconds), [Turn(0.0, 0, 1)])
        self.leaving = False
        self.pollers: list[OpenPoller] = []
        self.greenlets = [gevent.spawn(self._live) for _ in range(connections)]

    def _live(self) -> None:
        poller = self.shared.join(Event())
        self.pollers.append(poller)
        try:
            poller.serve(lambda: self.leaving)
        finally:
            poller.close()
            self.shared.leave(poller)

    @property
    def counts(self) -> dict[str, int]:
        tally = self.shared.tally
        return {name: getattr(tally, name) for name in ("due", "requests", "missed", "pending_at_end")}

    def leave(self) -> None:
        self.leaving = True
        for poller in self.pollers:
            poller.wake.set()
        gevent.joinall(self.greenlets, timeout=10, raise_error=True)

    def close(self) -> None:
        gevent.killall(self.greenlets)
        self.shared.retire()


@pytest.fixture
def pool() -> Iterator[Callable[..., Pool]]:
    pools: list[Pool] = []

    def make(*arguments: Any, **more: Any) -> Pool:
        pools.append(Pool(*arguments, **more))
        return pools[-1]

    yield make
    for each in pools:
        each.close()


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    with gevent.Timeout(seconds):
        while not condition():
            gevent.sleep(0.005)


def at_once(peer: Peer) -> None:
    while peer.read_request():
        peer.send(answer())


def at_least(pool: Pool, measure: str, seconds: float) -> int:
    """How many times of a measure were that long."""
    histogram = pool.session.recorder.meter("visitors", "rest", measure, "GET /x").histogram
    return sum(histogram.percentile(100 * (rank + 0.5) / histogram.count) >= seconds for rank in range(histogram.count))


def test_every_request_of_the_schedule_is_sent_once(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=400, seconds=0.5, connections=5)
        until(lambda: visitors.shared.tally.requests == 200)
        visitors.leave()
        assert visitors.counts == {"due": 200, "requests": 200, "missed": 0, "pending_at_end": 0}
        assert len(server.requests) == 200


def test_a_stall_is_charged_to_every_request_that_it_delayed(pool: Callable[..., Pool]) -> None:
    """200 requests are due in 0.2 s on 10 connections, and the server holds the first 10 for 0.7 s.

    By hand: each of the 200 was due 0.5 s or more before the server went on, so that all have a response time of at
    least 0.5 s. Only the 10 that were on their way when it stalled were sent that long before their answer.
    """
    go_on = Event()

    def stalled(peer: Peer) -> None:
        while peer.read_request():
            go_on.wait()
            peer.send(answer())

    with serving(stalled) as server:
        visitors = pool([server.url], rate=1000, seconds=0.2, connections=10)
        until(lambda: visitors.shared.tally.due == 200)
        assert visitors.shared.tally.requests == 10 == len(server.requests)
        gevent.sleep(max(0.0, visitors.session.origin + 0.7 - visitors.session.clock.monotonic()))
        go_on.set()
        until(lambda: len(server.requests) == 200)
        visitors.leave()
    assert visitors.counts == {"due": 200, "requests": 200, "missed": 0, "pending_at_end": 0}
    assert at_least(visitors, "response", 0.5) == 200
    assert at_least(visitors, "service", 0.5) == 10
    lags = visitors.shared.send_lag
    assert lags is not None
    assert lags.histogram.count == 200


def test_what_waits_longer_than_patience_is_missed_and_counted(pool: Callable[..., Pool]) -> None:
    go_on = Event()

    def stalled(peer: Peer) -> None:
        while peer.read_request():
            go_on.wait()
            peer.send(answer())

    with serving(stalled) as server:
        visitors = pool([server.url], rate=1000, seconds=0.1, connections=10, patience="50ms")
        until(lambda: visitors.shared.tally.missed == 90)  # all but the 10 that are on their way
        go_on.set()
        visitors.leave()
    assert visitors.counts == {"due": 100, "requests": 10, "missed": 90, "pending_at_end": 0}
    assert len(server.requests) == 10


def test_what_is_due_but_unsent_at_the_end_is_counted_as_pending(pool: Callable[..., Pool]) -> None:
    go_on = Event()

    def stalled(peer: Peer) -> None:
        while peer.read_request():
            go_on.wait()
            peer.send(answer())

    with serving(stalled) as server:
        visitors = pool([server.url], rate=1000, seconds=0.1, connections=4)
        until(lambda: visitors.shared.tally.due == 100)
        visitors.leaving = True
        go_on.set()
        visitors.leave()
    assert visitors.counts == {"due": 100, "requests": 4, "missed": 0, "pending_at_end": 96}
    assert len(server.requests) == 4


def test_no_more_connections_are_used_than_the_server_makes_necessary(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=50, seconds=0.4, connections=20)
        until(lambda: visitors.shared.tally.requests == 20)
        visitors.leave()
        assert server.connections < 20


def test_targets_take_turns(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as one, serving(at_once) as other:
        visitors = pool([one.url, other.url], rate=500, seconds=0.2, connections=10)
        until(lambda: visitors.shared.tally.requests == 100)
        visitors.leave()
        assert min(len(one.requests), len(other.requests)) > 25  # 50, where the machine keeps up


def test_a_server_that_is_not_there_fails_every_request_and_delays_none(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        url = server.url
    visitors = pool([url], rate=500, seconds=0.2, connections=5)
    until(lambda: visitors.shared.tally.requests_failed == 100)
    visitors.leave()
    assert visitors.counts == {"due": 100, "requests": 100, "missed": 0, "pending_at_end": 0}
    assert visitors.shared.tally.unreachable == 100


def test_a_connection_that_leaves_with_a_request_in_hand_gives_it_to_another(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=100, seconds=0.01, connections=2)
        until(lambda: len(visitors.pollers) == 2)
        until(lambda: visitors.shared.tally.requests == 1)
        first = visitors.pollers[0]
        first.due = visitors.session.clock.monotonic()
        visitors.shared.leave(first)
        until(lambda: visitors.shared.tally.requests == 2 and len(server.requests) == 2)


def test_a_worker_sends_only_when_it_is_its_turn(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=200, seconds=1.0, connections=3)
        visitors.shared.take_turn(Turn(0.5, 1, 4))  # the second half is shared with three others
        until(lambda: visitors.shared.tally.due == 125)
        until(lambda: visitors.session.elapsed() > 1.0)
        visitors.leave()
        assert visitors.counts == {"due": 125, "requests": 125, "missed": 0, "pending_at_end": 0}
        assert len(server.requests) == 125


def test_nothing_comes_due_once_the_worker_is_to_leave(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=100, seconds=60, connections=2)
        until(lambda: visitors.shared.tally.requests > 3)
        visitors.session.leaving = True
        visitors.leave()
        counts = visitors.counts
        assert counts["due"] == counts["requests"] + counts["pending_at_end"]
        assert len(server.requests) == counts["requests"]


def test_lateness_is_told_once(pool: Callable[..., Pool]) -> None:
    with serving(at_once) as server:
        visitors = pool([server.url], rate=100, seconds=0.1, connections=2)
        until(lambda: visitors.shared.tally.due == 10)
        assert visitors.shared.take_lateness() > 0
        assert visitors.shared.take_lateness() == 0


def test_a_request_that_is_cut_before_it_was_answered_has_failed(pool: Callable[..., Pool]) -> None:
    def never(peer: Peer) -> None:
        peer.read_request()
        peer.wait_closed()

    with serving(never) as server:
        visitors = pool([server.url], rate=10, seconds=0.2, connections=2)
        until(lambda: len(server.requests) == 2)
        gevent.killall(visitors.greenlets)
        tally = visitors.shared.tally
        assert (tally.requests, tally.requests_failed, tally.requests_cancelled) == (2, 2, 2)
        response = visitors.session.recorder.meter("visitors", "rest", "response", "GET /x")
        assert (response.count, response.failures) == (2, 2)
