"""swarm/readers.py: when a read's bytes came to the kernel, and that each reader gets what is its own."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from gevent import get_hub
from gevent.monkey import get_original
from support.leaks import nothing_left_open, settle

from loadtest.frames import Repeat
from loadtest.swarm.readers import EOF, SO_TIMESTAMPNS, Readers, readers_of
from loadtest.swarm.slots import SLOTS

block = get_original("time", "sleep")
new_socket = get_original("socket", "socket")
BLOCKED_S = 0.2


class Connection:
    """A reader that takes for itself, and keeps what it was given."""

    def __init__(self, sock: Any, repeat: Repeat | None = None) -> None:
        self.sock = sock
        self.sock.settimeout(0.0)
        self.taker = self
        self.repeat = repeat
        self.heard: list[bytes] = []
        self.times: list[tuple[float, float | None]] = []
        self.failures: list[str] = []
        self.then: Callable[[], object] = lambda: None

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:
        self.heard.append(bytes(buffer[:size]))
        self.times.append((received, waited))
        if self.repeat is not None:
            self.repeat.learn(self.heard[-1], b"", text=True)
        self.then()

    def repeated(self, received: float, waited: float | None) -> None:
        assert self.repeat is not None
        self.heard.append(b"again: " + self.repeat.frame)
        self.times.append((received, waited))
        self.then()

    def read_failed(self, reason: str) -> None:
        self.failures.append(reason)
        readers_of(get_hub()).remove(self)
        self.sock.close()


@pytest.fixture
def readers() -> Iterator[Readers]:
    with nothing_left_open():
        readers = readers_of(get_hub())
        yield readers
        for reader in list(readers._readers.values()):
            reader.read_failed("the test is over")


def over_tcp(readers: Readers) -> tuple[Connection, Any]:
    """A connection that is read, and its peer."""
    with new_socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        ours = new_socket()
        ours.connect(listener.getsockname())
        peer, _ = listener.accept()
    ours.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    connection = Connection(ours)
    readers.add(connection)
    return connection, peer


def stamped(connection: Connection, peer: Any) -> None:
    """Wait until the kernel stamps what it receives, and forget what came until then.

    It begins some time after the first socket has asked for it: a worker thread of the kernel's switches it on
    (net_enable_timestamp), and what comes before that has no stamp.
    """

    def probed() -> bool:
        seen = len(connection.times)
        peer.sendall(b"stamped yet?")
        settle(lambda: len(connection.times) > seen)
        return connection.times[-1][1] is not None

    settle(probed)
    connection.heard.clear()
    connection.times.clear()


def pair(readers: Readers, repeat: Repeat | None = None) -> tuple[Connection, Any]:
    """The same without TCP."""
    ours, peer = socket.socketpair()
    connection = Connection(ours, repeat)
    readers.add(connection)
    return connection, peer


def test_a_hub_has_one_and_another_hub_another() -> None:
    mine = readers_of(get_hub())
    assert readers_of(get_hub()) is mine
    assert get_hub().threadpool.apply(lambda: readers_of(get_hub())) is not mine


def test_what_waits_while_the_hub_is_busy_was_received_when_it_came(readers: Readers) -> None:
    connection, peer = over_tcp(readers)
    with peer:
        stamped(connection, peer)
        before = time.monotonic()
        peer.sendall(b"news")
        after = time.monotonic()
        block(BLOCKED_S)
        settle(lambda: connection.heard)
    ((received, waited),) = connection.times
    assert before - 1e-3 <= received <= after + 1e-3  # the clocks are compared to a fraction of a millisecond
    assert waited is not None
    assert waited >= BLOCKED_S - 1e-3


@pytest.mark.parametrize("step", [3600.0, -3600.0, 0.1], ids=["forth", "back", "a little"])  # seconds
def test_a_wall_clock_that_is_set_while_data_waits_leaves_the_time_of_the_read(
    readers: Readers, step: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, peer = over_tcp(readers)
    with peer:
        stamped(connection, peer)
        peer.sendall(b"before")
        settle(lambda: connection.heard)
        peer.sendall(b"meanwhile")
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + step)
        before = time.monotonic()
        settle(lambda: len(connection.heard) == 2)
    received, waited = connection.times[1]
    assert before <= received <= time.monotonic()
    assert waited is None


def test_a_socket_without_stamps_has_the_time_of_the_read(readers: Readers) -> None:
    connection, peer = pair(readers)
    with peer:
        peer.sendall(b"x")
        before = time.monotonic()
        settle(lambda: connection.heard)
    ((received, waited),) = connection.times
    assert before <= received <= time.monotonic()
    assert waited is None


def test_an_end_is_told_and_nothing_is_kept_of_it(readers: Readers) -> None:
    connection, peer = pair(readers)
    peer.sendall(b"last words")
    peer.close()
    settle(lambda: connection.failures)
    assert (connection.heard, connection.failures) == ([b"last words"], [EOF])
    assert readers._watcher is None


def test_one_that_is_removed_in_a_turn_gets_what_was_read_by_then_and_no_more(readers: Readers) -> None:
    pairs = [pair(readers) for _ in range(SLOTS + 1)]
    others = [connection for connection, _ in pairs]

    def remove_others() -> None:
        for other in others:
            readers.remove(other)

    for connection, peer in pairs:
        connection.then = remove_others
        peer.sendall(b"x")
    settle(lambda: any(connection.heard for connection, _ in pairs))
    gevent.sleep(0.01)
    assert sum(len(connection.heard) for connection, _ in pairs) == SLOTS
    for connection, peer in pairs:
        peer.close()
        connection.sock.close()


def test_a_descriptor_that_was_closed_and_opened_anew_in_a_turn_is_the_new_ones(readers: Readers) -> None:
    (first, one), (second, two) = pair(readers), pair(readers)
    descriptors = {first.sock.fileno(), second.sock.fileno()}
    opened: list[tuple[Connection, Any]] = []

    def replace(other: Connection) -> None:
        if not opened:
            other.read_failed("replaced")
            opened.append(pair(readers))

    first.then, second.then = lambda: replace(second), lambda: replace(first)
    one.sendall(b"for the old")
    two.sendall(b"for the old")
    settle(lambda: opened)
    ((new, peer),) = opened
    assert new.sock.fileno() in descriptors
    gevent.sleep(0.01)
    assert new.heard == []
    peer.sendall(b"for the new")
    settle(lambda: new.heard)
    assert new.heard == [b"for the new"]
    for sock in (one, two, peer):
        sock.close()


def test_each_gets_its_own_although_the_last_broadcast_changes_in_the_turn(readers: Readers) -> None:
    repeat = Repeat()
    repeat.learn(b"first", b"", text=True)
    pairs = [pair(readers, repeat) for _ in range(6)]
    for (_, peer), words in zip(pairs, [b"first", b"second", b"first", b"first", b"second", b"second"], strict=True):
        peer.sendall(words)
    settle(lambda: all(connection.heard for connection, _ in pairs))
    assert [connection.heard for connection, _ in pairs] == [
        [b"again: first"],
        [b"second"],
        [b"first"],
        [b"again: first"],
        [b"second"],
        [b"again: second"],
    ]
    for _, peer in pairs:
        peer.close()


def test_a_taker_that_raises_over_a_repeated_broadcast_fails_alone(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.swarm.edge._logged", {"internal error: ZeroDivisionError"})
    repeat = Repeat()
    repeat.learn(b"same", b"", text=True)
    pairs = [pair(readers, repeat) for _ in range(3)]
    pairs[1][0].then = lambda: 1 / 0
    for _, peer in pairs:
        peer.sendall(b"same")
    settle(lambda: all(connection.heard for connection, _ in pairs))
    assert [connection.failures for connection, _ in pairs] == [[], ["internal error: ZeroDivisionError"], []]
    for _, peer in pairs:
        peer.close()


def test_each_gets_what_it_was_sent_although_one_before_it_learns_another_broadcast(readers: Readers) -> None:
    repeat = Repeat()
    repeat.learn(b"same", b"", text=True)
    pairs = [pair(readers, repeat) for _ in range(3)]
    for connection, peer in pairs:
        connection.then = lambda: repeat.learn(b"another", b"", text=True)
        peer.sendall(b"same")
    settle(lambda: all(connection.heard for connection, _ in pairs))
    assert sorted(connection.heard for connection, _ in pairs) == [[b"again: same"], [b"same"], [b"same"]]
    for _, peer in pairs:
        peer.close()


def test_what_is_postponed_is_called_once_though_another_raises(
    readers: Readers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtest.swarm.edge._logged", {"internal error: ZeroDivisionError"})
    calls: list[str] = []
    readers.later(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    readers.later(lambda: calls.append("second"))
    assert calls == []
    settle(lambda: calls)
    gevent.sleep(0.005)
    assert calls == ["second"]
