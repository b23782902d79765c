"""outbound.py: requests of one turn leave together at its end, and are timed from then."""

from time import monotonic

import gevent
import pytest
from support.http_server import Peer, answer, serving

from loadtest.http1 import Request
from loadtest.swarm.http import Answer, HttpConnection, RequestFailed
from loadtest.swarm.outbound import Outbound, outbound_of

BUSY_S = 0.2
LITTLE_S = 0.1


def keep_answering(peer: Peer) -> None:
    while peer.read_request():
        peer.send(answer())


def ask(connection: HttpConnection, target: str = "/") -> Answer:
    return connection.request(Request.build("GET", target, host="test"))


def failure_of(connection: HttpConnection, target: str) -> str:
    with pytest.raises(RequestFailed) as failed:
        ask(connection, target)
    return failed.value.name


def stay_busy() -> float:
    until = monotonic() + BUSY_S
    while monotonic() < until:
        pass
    return monotonic()


def test_what_is_put_in_a_turn_is_written_in_order_after_all_that_runs_in_it() -> None:
    did: list[str] = []
    outbound = Outbound(gevent.get_hub())

    def want(name: bytes) -> None:
        did.append(f"{name.decode()} wants")
        outbound.put(lambda data: did.append(f"write {data.decode()}"), name, lambda _now: did.append("leaves"))

    for name in (b"a", b"b"):
        gevent.spawn(want, name)
    gevent.spawn(did.append, "another")
    gevent.sleep(0)
    gevent.sleep(0)
    assert did == ["a wants", "b wants", "another", "leaves", "write a", "leaves", "write b"]
    want(b"c")
    gevent.sleep(0)
    assert did[-3:] == ["c wants", "leaves", "write c"]


def test_a_hub_has_one() -> None:
    assert outbound_of(gevent.get_hub()) is outbound_of(gevent.get_hub())


def test_what_a_request_waited_here_for_others_is_not_in_its_service_time() -> None:
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        ask(connection)
        asked = gevent.spawn(ask, connection)
        worked = gevent.spawn(stay_busy)
        found, idle_at = asked.get(timeout=5), worked.get(timeout=5)
        connection.close()
    assert found.sent >= idle_at
    assert found.done - found.sent < LITTLE_S


def test_a_request_that_is_given_up_in_its_turn_never_leaves() -> None:
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        ask(connection, "/first")
        given_up = gevent.spawn(failure_of, connection, "/never")
        gevent.spawn(connection.close)
        assert given_up.get(timeout=5) == "request: closed by us"
        ask(connection, "/last")
        connection.close()
        assert [request.split()[1] for request in server.requests] == [b"/first", b"/last"]
