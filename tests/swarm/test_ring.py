"""swarm/ring.py and slots.py: reading many sockets in one call gives what reading each of them gives."""

import errno
import socket
import struct
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gevent import get_hub
from gevent.monkey import get_original
from hypothesis import given, settings
from hypothesis import strategies as st
from support.leaks import nothing_left_open, settle

from loadtest.swarm import ring
from loadtest.swarm.readers import readers_of
from loadtest.swarm.ring import Ring, Undone
from loadtest.swarm.slots import MANY, SLOTS, SO_TIMESTAMPNS, Slots

new_socket = get_original("socket", "socket")
block = get_original("time", "sleep")


def has_ring() -> bool:
    try:
        Ring([bytearray(16)]).close()
    except OSError:
        return False
    return True


needs_ring = pytest.mark.skipif(not has_ring(), reason="the kernel has no io_uring, or forbids it")


class Pairs:
    """Connections over TCP, stamped by the kernel, and their peers."""

    def __init__(self, count: int = MANY) -> None:
        self.readers: list[Any] = []
        self.peers: list[Any] = []
        with new_socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            for _ in range(count):
                ours = new_socket()
                ours.connect(listener.getsockname())
                self.peers.append(listener.accept()[0])
                ours.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
                ours.settimeout(0.0)
                self.readers.append(SimpleNamespace(sock=ours))

    @property
    def fds(self) -> list[int]:
        return [reader.sock.fileno() for reader in self.readers]

    def close(self) -> None:
        for sock in [reader.sock for reader in self.readers] + self.peers:
            sock.close()


@pytest.fixture
def pairs() -> Iterator[Pairs]:
    pairs = Pairs()
    yield pairs
    pairs.close()


@pytest.fixture
def slots() -> Iterator[Slots]:
    with nothing_left_open():
        slots = Slots()
        yield slots
        slots.close()


def what_came(slots: Slots, pairs: Pairs) -> list[bytes | int]:
    """What was read of each; -errno if nothing."""
    sizes, _ = slots.read(pairs.readers, pairs.fds)
    found = zip(sizes, slots.buffers, strict=False)
    return [bytes(buffer[:size]) if size >= 0 else size for size, buffer in found]


def until(read: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """What is sent over TCP is there soon, but not at once; neither are the kernel's stamps."""
    for _ in range(2000):
        if good(found := read()):
            return found
        block(0.005)
    raise AssertionError(f"never came: {found!r}")


@needs_ring
@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.binary(max_size=50), min_size=MANY, max_size=MANY), max_size=12))
def test_each_gets_its_own_bytes_through_many_rounds_of_the_queues(rounds: list[list[bytes]]) -> None:
    pairs, slots = Pairs(), Slots()
    try:
        for sent in rounds:
            for peer, data in zip(pairs.peers, sent, strict=True):
                peer.sendall(data)
            got = [b""] * MANY
            for _ in range(2000):
                for i, found in enumerate(what_came(slots, pairs)):
                    got[i] += found if isinstance(found, bytes) else b""
                if got == sent:
                    break
                block(0.005)
            assert got == sent
        assert slots._ring is not None or not rounds
    finally:
        slots.close()
        pairs.close()


@needs_ring
def test_nothing_an_end_and_a_reset_are_told_apart(slots: Slots, pairs: Pairs) -> None:
    pairs.peers[1].close()
    pairs.peers[2].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pairs.peers[2].close()
    pairs.peers[3].sendall(b"x")
    wanted = [-errno.EAGAIN, b"", -errno.ECONNRESET, b"x"]
    found = until(lambda: what_came(slots, pairs), lambda found: found[3] == b"x")
    assert [found[i] for i in (0, 1, 3)] == [wanted[i] for i in (0, 1, 3)]
    assert found[2] in (-errno.ECONNRESET, b"")  # an error is told once: perhaps in the read before
    assert slots._ring is not None


@needs_ring
def test_a_read_has_the_kernels_time_and_one_of_nothing_has_none(slots: Slots, pairs: Pairs) -> None:
    def stamps() -> Any:
        for peer in pairs.peers[1:]:
            peer.sendall(b"x")
        return slots.read(pairs.readers, pairs.fds)[1]

    before = time.time()
    first, *others = until(stamps, lambda stamps: all(stamps[1:]))
    assert first == 0.0
    assert all(before - 1 <= stamp <= time.time() + 1 for stamp in others)
    assert slots.read(pairs.readers, pairs.fds)[1] == [0.0] * MANY


def test_where_it_is_forbidden_each_is_read_by_itself(
    slots: Slots, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def forbidden(number: int, *_: int) -> int:
        calls.append(number)
        return -1

    monkeypatch.setattr(ring, "_syscall", forbidden)
    for peer in pairs.peers:
        peer.sendall(b"x")
    assert until(lambda: what_came(slots, pairs), lambda found: found[0] == b"x")[1:] == [b"x"] * (MANY - 1)
    what_came(slots, pairs)
    assert calls == [ring.SETUP]  # and not asked again


@needs_ring
def test_what_the_kernel_did_not_take_is_read_by_itself_and_the_ring_goes_on(
    slots: Slots, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_and_read() -> list[bytes | int]:
        for peer in pairs.peers:
            peer.sendall(b"x")
        block(0.05)
        return what_came(slots, pairs)

    call, taken = ring._syscall, [2, 0, -1]

    def short(number: int, fd: int, count: int, *more: int) -> int:
        if number == ring.ENTER and slots._ring is not None and taken:
            allowed = taken.pop(0)
            return call(number, fd, allowed, allowed, *more[1:]) if allowed > 0 else allowed
        return int(call(number, fd, count, *more))

    assert send_and_read() == [b"x"] * MANY
    monkeypatch.setattr(ring, "_syscall", short)
    for _ in range(SLOTS):
        assert send_and_read() == [b"x"] * MANY
    assert taken == []


@needs_ring
def test_closing_leaves_nothing_open_and_reading_opens_it_again(pairs: Pairs) -> None:
    slots = Slots()
    for _ in range(3):
        with nothing_left_open():
            what_came(slots, pairs)
            slots.close()


@needs_ring
def test_what_a_signal_left_undone_is_asked_for_again(
    slots: Slots, pairs: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    what_came(slots, pairs)
    opened = slots._ring
    assert opened is not None
    call, asked = ring._syscall, []
    done = opened._done

    class Late:
        """The queue's words; its tail is late."""

        def __init__(self, words: Any) -> None:
            self.words, self.late = words, 3

        def __getitem__(self, at: Any) -> Any:
            if at == done and self.late:
                self.late -= 1
                return self.words[at] - 1
            return self.words[at]

        def __setitem__(self, at: Any, value: Any) -> None:
            self.words[at] = value

        def release(self) -> None:
            self.words.release()

    def counted(number: int, fd: int, submitted: int, *more: int) -> int:
        asked.append((number, submitted))
        return int(call(number, fd, submitted, *more))

    monkeypatch.setattr(opened, "_words", Late(opened._words))
    monkeypatch.setattr(ring, "_syscall", counted)
    for peer in pairs.peers:
        peer.sendall(b"x")
    block(0.05)
    assert what_came(slots, pairs) == [b"x"] * MANY
    assert asked[:2] == [(ring.ENTER, MANY), (ring.ENTER, 0)]
    assert slots._ring is opened


@needs_ring
def test_a_ring_that_breaks_ends_the_connections_that_it_read_by_name_and_the_others_are_read_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("loadtest.swarm.edge._logged", {"internal error: Undone"})
    with nothing_left_open():
        pairs, readers = Pairs(MANY + 1), readers_of(get_hub())
        heard: list[bytes] = []
        failed: list[str] = []
        for reader in pairs.readers:
            reader.taker = SimpleNamespace(
                repeat=None, data_received=lambda buffer, size, *_: heard.append(bytes(buffer[:size]))
            )
            reader.read_failed = lambda name, reader=reader: (failed.append(name), readers.remove(reader))
            readers.add(reader)

        def broken(_fds: list[int]) -> None:
            raise Undone("it is not known")

        *most, last = pairs.peers
        with monkeypatch.context() as patch:
            patch.setattr(Ring, "read", lambda _ring, fds: broken(fds))
            for peer in most:
                peer.sendall(b"lost")
            settle(lambda: len(failed) == MANY)
        last.sendall(b"on")
        settle(lambda: heard)
        assert failed == ["internal error: Undone"] * MANY
        assert heard == [b"on"]
        readers.remove(pairs.readers[-1])
        pairs.close()
        monkeypatch.setattr(readers, "_slots", Slots())


def test_an_epoll_that_fails_once_does_not_silence_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.swarm.edge._logged", {"internal error: ZeroDivisionError"})
    with nothing_left_open():
        pairs, readers = Pairs(1), readers_of(get_hub())
        (reader,), (peer,) = pairs.readers, pairs.peers
        heard: list[bytes] = []
        reader.taker = SimpleNamespace(
            repeat=None, data_received=lambda buffer, size, *_: heard.append(bytes(buffer[:size]))
        )
        readers.add(reader)
        compare, failures = readers._compare_clocks, [1]
        monkeypatch.setattr(
            type(readers), "_compare_clocks", lambda _readers: 1 / 0 if failures and failures.pop() else compare()
        )
        peer.sendall(b"on")
        settle(lambda: heard)
        assert (heard, failures) == ([b"on"], [])
        readers.remove(reader)
        pairs.close()
