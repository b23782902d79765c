import gc
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from fcntl import ioctl
from termios import FIONREAD
from typing import Any

import gevent
import pytest
from gevent.event import Event
from gevent.socket import create_connection, create_server
from support.leaks import nothing_left_open, settle

from loadtest.swarm import transport
from loadtest.swarm.dial import new_socket
from loadtest.swarm.edge import READ_BYTES
from loadtest.swarm.readers import NeverRepeated
from loadtest.swarm.transport import EOF, OVERFLOW, RESET, Transport


class Sink(NeverRepeated):
    """Keeps what a transport hands on."""

    def __init__(self) -> None:
        self.reads: list[bytes] = []
        self.times: list[tuple[float, float | None]] = []
        self.ends: list[str] = []
        self.news = Event()
        self.then: Callable[[], object] = lambda: None

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        self.reads.append(bytes(buffer[:size]))
        self.times.append((received, waited))
        self.news.set()
        self.then()

    def ended(self, reason: str) -> None:
        self.ends.append(reason)
        self.news.set()

    @property
    def received(self) -> bytes:
        return b"".join(self.reads)

    def wait_until(self, condition: Callable[[], object]) -> None:
        with gevent.Timeout(5):
            while not condition():
                self.news.clear()
                self.news.wait()


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    """Whatever a test does, it ends with as many descriptors as it began with."""
    with nothing_left_open():
        yield


def sockets() -> tuple[Any, Any]:
    """Two ends of a TCP connection: ours, the peer's."""
    with create_server(("127.0.0.1", 0)) as listener:
        ours = create_connection(listener.getsockname())
        peer, _ = listener.accept()
    return new_socket(fileno=ours.detach()), peer


@pytest.fixture
def pair() -> Iterator[tuple[Transport, Sink, Any]]:
    ours, peer = sockets()
    sink = Sink()
    connection = Transport(ours, sink)
    with peer:
        yield connection, sink, peer
        connection.abort()


Pair = tuple[Transport, Sink, Any]


def reset(peer: Any) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def test_bytes_go_both_ways(pair: Pair) -> None:
    connection, sink, peer = pair
    connection.write(b"to the peer")
    assert peer.recv(100) == b"to the peer"
    peer.sendall(b"from the peer")
    sink.wait_until(lambda: sink.received == b"from the peer")


@pytest.mark.parametrize(("end", "reason"), [(lambda peer: peer.close(), EOF), (reset, RESET)], ids=[EOF, RESET])
def test_an_orderly_end_is_told_from_a_reset_after_what_came_before(
    pair: Pair, end: Callable[[Any], None], reason: str
) -> None:
    connection, sink, peer = pair
    peer.sendall(b"last words")
    sink.wait_until(lambda: sink.received == b"last words")
    end(peer)
    sink.wait_until(lambda: sink.ends)
    assert sink.ends == [reason]
    assert connection.closed
    connection.write(b"to nobody")


def test_a_write_to_a_reset_connection_is_told_once_by_the_read_side(pair: Pair) -> None:
    connection, sink, peer = pair
    connection.pause()
    reset(peer)
    settle(lambda: connection.write(b"x") or connection._broken)
    assert sink.ends == []
    connection.resume()
    sink.wait_until(lambda: sink.ends)
    assert sink.ends == [RESET]


def waiting_in(connection: Transport) -> int:
    """Bytes that the kernel holds for it."""
    return int.from_bytes(ioctl(connection.sock.fileno(), FIONREAD, b"\0\0\0\0"), sys.byteorder)


def test_one_turn_reads_no_more_than_its_bound_so_that_others_get_theirs() -> None:
    (ours, flooding), (others, quiet) = sockets(), sockets()
    order: list[str] = []
    flooded, other = Sink(), Sink()
    flooded.then = lambda: order.append("flooded")
    other.then = lambda: order.append("other")
    loud, calm = Transport(ours, flooded), Transport(others, other)
    with flooding, quiet:
        loud.pause()
        sender = gevent.spawn(flooding.sendall, b"x" * 40 * READ_BYTES)
        settle(lambda: waiting_in(loud) >= READ_BYTES)
        quiet.sendall(b"x")
        loud.resume()
        flooded.wait_until(lambda: sum(map(len, flooded.reads)) == 40 * READ_BYTES)
        assert max(map(len, flooded.reads)) == READ_BYTES
        assert order.index("other") <= 2
        assert sender.dead
        loud.abort()
        calm.abort()


def test_a_paused_connection_reads_nothing_until_it_is_resumed(pair: Pair) -> None:
    connection, sink, peer = pair
    connection.pause()
    peer.sendall(b"wait")
    gevent.sleep(0.02)
    assert sink.reads == []
    connection.resume()
    connection.resume()
    sink.wait_until(lambda: sink.received == b"wait")


def test_what_the_socket_does_not_take_is_sent_when_it_does(pair: Pair) -> None:
    connection, _, peer = pair
    message = bytes(range(256)) * 40_000  # 10 MB: more than the kernel's buffers
    connection.write(message)
    connection.write(b"the end")
    assert connection._queue is not None
    assert read_exactly(peer, len(message) + 7) == message + b"the end"
    settle(lambda: connection._queue is None and connection._writer is None)


def read_exactly(peer: Any, size: int) -> bytes:
    pieces = bytearray()
    with gevent.Timeout(5):
        while len(pieces) < size:
            piece = peer.recv(min(100_000, size - len(pieces)))
            assert piece, f"ended after {len(pieces)} bytes"
            pieces += piece
    return bytes(pieces)


def test_a_peer_that_does_not_read_is_given_up_when_the_queue_is_full(pair: Pair) -> None:
    connection, sink, _ = pair
    while not connection._broken:
        connection.write(b"x" * 100_000)
    assert sink.ends == []  # never from within write()
    sink.wait_until(lambda: sink.ends)
    assert sink.ends == [OVERFLOW]


def test_close_sends_what_is_queued_and_then_the_end(pair: Pair) -> None:
    connection, sink, peer = pair
    message = b"x" * 10_000_000
    connection.write(message)
    connection.close()
    connection.write(b"too late")
    assert read_exactly(peer, len(message)) == message
    assert peer.recv(1) == b""
    peer.close()
    settle(lambda: connection.sock is None)
    assert sink.ends == []


def test_close_discards_what_still_comes_and_does_not_reset_the_peer(pair: Pair) -> None:
    connection, sink, peer = pair
    peer.sendall(b"unread")
    connection.write(b"goodbye")
    connection.close()
    peer.sendall(b"more")
    assert peer.recv(100) == b"goodbye"
    assert peer.recv(100) == b""
    assert sink.reads == []


def test_a_peer_that_never_closes_is_cut_after_the_linger_time(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LINGER_S", 0.05)
    connection, _, _ = pair
    connection.close()
    assert connection.sock is not None
    settle(lambda: connection.sock is None)


@pytest.mark.parametrize("end", [Transport.close, Transport.abort])
def test_nothing_is_delivered_after_the_sink_has_closed(pair: Pair, end: Callable[[Transport], None]) -> None:
    connection, sink, peer = pair
    sink.then = lambda: end(connection)
    peer.sendall(b"first")
    sink.wait_until(lambda: sink.reads)
    assert connection.closed
    gevent.sleep(0.02)
    assert (sink.received, sink.ends) == (b"first", [])


def block() -> None:
    gevent.sleep(1)


def fail() -> None:
    raise OSError("not the socket's")


@pytest.mark.parametrize(("mistake", "name"), [(block, "BlockingSwitchOutError"), (fail, "OSError")])
def test_a_sink_that_blocks_or_raises_ends_its_own_connection_under_a_name(
    pair: Pair,
    mistake: Callable[[], None],
    name: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loadtest.swarm.edge._logged", set())
    connection, sink, peer = pair
    sink.then = mistake
    peer.sendall(b"x")
    sink.wait_until(lambda: sink.ends)
    assert sink.ends == [f"internal error: {name}"]
    assert connection.closed
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_transport_that_was_closed_is_no_garbage_to_be_kept() -> None:
    def live() -> None:
        ours, peer = sockets()
        connection = Transport(ours, Sink())
        peer.close()
        settle(lambda: connection.closed)

    live()
    gc.collect()
    assert not [thing for thing in gc.get_objects() if isinstance(thing, Transport)]
