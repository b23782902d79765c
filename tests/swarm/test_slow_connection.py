"""swarm/slow_connection.py: a reader that is slow on purpose, against servers that send as fast as they are let."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import gevent
import pytest
from gevent.event import Event
from support.certificates import make_certificate, server_context
from support.hostile_server import frame, says, upgrade
from support.http_server import Peer, ScriptedServer, serving
from support.leaks import nothing_left_open, settle
from support.websocket_server import running as websocket_server

from loadtest.schedule import ReadingPace
from loadtest.schedule.slow_reading import BURST_S
from loadtest.swarm import slow_connection, transport, websocket
from loadtest.swarm.slow_connection import PIECE, SlowConnection
from loadtest.swarm.websocket import Closed, Connection, ConnectOptions

GOODBYE = frame(0x88, struct.pack("!H", 1001))
NEVER = {"pause": 3599.999999, "every": 3600.0}
"""Reads in the first microsecond of an hour."""
KIB = 1024


class Slow:
    """A receiver that remembers what it took, and when."""

    def __init__(self, **pace: float) -> None:
        self.given = pace
        self.taken: list[tuple[float, bytes]] = []
        self.rtts: list[float] = []
        self.ends: list[Closed] = []
        self.connection: SlowConnection | None = None
        self.bad: bytes | None = None

    def pace(self) -> ReadingPace:
        return ReadingPace(time.monotonic(), **self.given)

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: ARG002, FBT001 - the Receiver's
        self.taken.append((received, payload))
        if payload == self.bad:
            assert self.connection is not None
            self.connection.fail(1007, "message: bad")

    def on_read(self, waited: float | None) -> None:  # noqa: ARG002 - as above
        raise AssertionError("a slow reader's waiting is nobody's delay")

    def on_pong(self, rtt: float) -> None:
        self.rtts.append(rtt)

    def on_closed(self, end: Closed) -> None:
        self.ends.append(end)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload in self.taken]


def numbered(count: int, size: int = 0) -> list[bytes]:
    return [str(number).encode().rjust(size, b".") for number in range(count)]


def flood(messages: list[bytes]) -> bytes:
    return b"".join(frame(0x82, message) for message in messages)


@pytest.fixture(autouse=True)
def no_descriptor_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transport, "LINGER_S", 0.1)
    with nothing_left_open():
        yield


@contextmanager
def reading(server: ScriptedServer, slow: Slow, *, scheme: str = "ws", **options: object) -> Iterator[SlowConnection]:
    host = "localhost" if scheme == "wss" else "127.0.0.1"
    made = SlowConnection.connect(
        ConnectOptions(f"{scheme}://{host}:{server.port}/", **options),  # type: ignore[arg-type]
        slow,
    )
    assert isinstance(made, SlowConnection)
    slow.connection = made
    try:
        yield made
    finally:
        made.abort()


# -- its rate ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [100.0, 2000.0])
def test_no_more_is_taken_than_its_rate_and_a_burst_in_order_and_all_of_it(rate: float) -> None:
    messages = numbered(200)
    with serving(says(flood(messages) + GOODBYE)) as server, reading(server, slow := Slow(rate=rate)):
        settle(lambda: slow.ends, timeout=10)
    times = [received for received, _ in slow.taken]
    assert slow.payloads == messages
    assert slow.ends == [Closed("server", 1001, "closed by server: 1001")]
    for i, first in enumerate(times):
        for j in range(i, len(times)):
            assert j - i + 1 <= rate * (times[j] - first + BURST_S) + 1 + 1e-6


@pytest.mark.parametrize(
    "parts",
    [
        [frame(0x01, b"a") + frame(0x00, b"b") + frame(0x80, b"c")] * 30,  # fragments
        [frame(0x81, b"x" * 40_000)] * 5,  # larger than a piece
        [frame(0x81)] * 9_000,  # many in a piece: more than a turn of the session takes
        [frame(0x89, b"hi") + frame(0x82, b"ping before it")] * 50,
    ],
    ids=["fragments", "large", "tiny", "between pings"],
)
def test_every_kind_of_frame_gets_through_in_order(parts: list[bytes]) -> None:
    with serving(says(b"".join(parts) + GOODBYE)) as server, reading(server, slow := Slow(rate=100_000)):
        settle(lambda: slow.ends, timeout=10)
    assert len(slow.taken) == len(parts)
    assert len(set(slow.payloads)) == 1


def test_a_reader_that_has_much_to_take_leaves_others_their_turns() -> None:
    class Busy(Slow):
        def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the Receiver's
            super().on_message(payload, text, received)
            in_a_turn[-1] += 1

    def others() -> None:
        while True:
            in_a_turn.append(0)
            gevent.sleep(0)

    in_a_turn = [0]
    with serving(says(flood(numbered(3000)) + GOODBYE)) as server, reading(server, slow := Busy(rate=1e9)):
        waiting = gevent.spawn(others)
        settle(lambda: slow.ends, timeout=10)
        waiting.kill()
    assert sum(in_a_turn) == 3000
    assert 1 < max(in_a_turn) <= slow_connection.PER_TURN


def test_a_compressed_stream_is_read_slowly_as_well() -> None:
    with websocket_server() as url:
        slow = Slow(rate=200)
        connection = SlowConnection.connect(ConnectOptions(url + "/push?20", compression=True), slow)
        settle(lambda: slow.ends)
        connection.abort()
    assert slow.payloads == [f"message {number}".encode() for number in range(20)]
    assert slow.taken[-1][0] - slow.taken[0][0] >= 19 / 200 - BURST_S


# -- back-pressure ----------------------------------------------------------------------------------------------------


class Faucet:
    """A script that sends messages of 1 KiB until it can't, and says how many went out."""

    def __init__(self, until: int = 100_000) -> None:
        self.sent = 0
        self.until = until

    def __call__(self, peer: Peer) -> None:
        upgrade(peer)
        for number in range(self.until):
            peer.send(frame(0x82, str(number).encode().rjust(KIB, b".")))
            self.sent += 1
        peer.send(GOODBYE)
        peer.wait_closed()


def stuck(faucet: Faucet) -> bool:
    """Whether the server can send nothing for a while."""
    before = faucet.sent
    gevent.sleep(0.1)
    return faucet.sent == before > 0


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_what_is_not_taken_fills_the_kernels_buffers_and_stops_the_server(tls: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    certificate = make_certificate(tmp_path) if tls else None
    faucet, slow = Faucet(), Slow(rate=5)
    context = server_context(certificate) if certificate is not None else None
    with (
        serving(faucet, context) as server,
        reading(server, slow, scheme="wss" if tls else "ws", ca_file=str(certificate), receive_buffer=4 * KIB) as ours,
    ):
        settle(lambda: stuck(faucet), timeout=10)
        assert 0 < ours.unread() <= 16 * KIB
        held = sum(len(payload) for payload, _ in ours._held.messages)
        assert held <= PIECE + (16 * KIB if tls else 0)
        assert faucet.sent < 1000
    assert slow.payloads == numbered(len(slow.taken), KIB)


def test_the_receive_buffer_is_set_before_the_window_is_agreed_upon() -> None:
    sizes, scales = {}, {}
    for size in (None, 4 * KIB):
        with serving(says(b"")) as server, reading(server, Slow(**NEVER), receive_buffer=size) as connection:
            sock = connection._transport.sock
            sizes[size] = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
            scales[size] = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 7)[6] >> 4  # tcpi_rcv_wscale
    assert sizes[4 * KIB] == 8 * KIB != sizes[None]  # the kernel doubles it: socket(7)
    assert scales[4 * KIB] == 0 < scales[None]  # told with the SYN only: RFC 7323, 2.2


def test_a_small_buffer_alone_loses_nothing() -> None:
    faucet, slow = Faucet(until=500), Slow()
    with serving(faucet) as server, reading(server, slow, receive_buffer=4 * KIB):
        settle(lambda: slow.ends, timeout=20)
    assert slow.payloads == numbered(500, KIB)


# -- pauses -----------------------------------------------------------------------------------------------------------


def test_nothing_is_taken_in_a_pause_and_all_of_it_after() -> None:
    messages = numbered(100)
    began = time.monotonic()

    def script(peer: Peer) -> None:
        upgrade(peer)
        for message in messages:
            peer.send(frame(0x82, message))
            gevent.sleep(0.01)
        peer.wait_closed()

    with serving(script) as server, reading(server, slow := Slow(pause=0.3, every=0.6)):
        settle(lambda: len(slow.taken) == len(messages))
    assert slow.payloads == messages
    opened = slow.taken[0][0] - began
    phases = [(received - began) % 0.6 for received, _ in slow.taken]
    assert all(phase < 0.3 + opened + 0.05 for phase in phases)  # the pace began a little after `began`
    assert time.monotonic() - began > 0.6


def test_a_paused_reader_answers_no_ping_until_it_reads_on() -> None:
    answered: list[float] = []

    def script(peer: Peer) -> None:
        upgrade(peer)
        gevent.sleep(0.1)  # into the pause
        peer.send(frame(0x89, b"there?"))
        if peer.sock.recv(100):
            answered.append(time.monotonic())
        peer.wait_closed()

    with serving(script) as server:
        began = time.monotonic()
        with reading(server, Slow(pause=0.35, every=0.4)) as connection:
            settle(connection.unread)
            assert not answered
            settle(lambda: answered)
    assert answered[0] - began >= 0.4


# -- ends -------------------------------------------------------------------------------------------------------------


def closing_server(messages: list[bytes]) -> Callable[[Peer], None]:
    """Sends these when it is told to, and answers a Close behind them."""

    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.sock.recv(100)
        peer.send(flood(messages))
        while (data := peer.sock.recv(65536)) and data[0] != 0x88:
            pass
        peer.send(frame(0x88, struct.pack("!H", 1000)))

    return script


@pytest.mark.parametrize("pace", [{"rate": 0.5}, NEVER, {"rate": 1.0, **NEVER}], ids=["crawling", "paused", "both"])
def test_our_close_is_answered_though_the_reader_is_slow_and_all_that_was_sent_counts(pace: dict[str, float]) -> None:
    messages = numbered(300, 100)
    with serving(closing_server(messages)) as server, reading(server, slow := Slow(**pace)) as connection:
        connection.send("now")
        settle(connection.unread)
        connection.close()
        assert connection.wait_closed(3) == Closed("us", 1000, "closed by us")
    assert slow.payloads == messages
    assert slow.ends == [Closed("us", 1000, "closed by us")]


def test_a_server_that_never_answers_our_close_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_S", 0.1)
    with serving(says(flood(numbered(10)))) as server, reading(server, slow := Slow(rate=0.5)) as connection:
        connection.close()
        assert connection.wait_closed(3) == Closed("us", 1000, "close: no answer")
    assert slow.payloads == numbered(10)


def test_a_reset_is_known_to_the_kernel_before_the_reader_comes_to_it() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.send(flood(numbered(3)))
        go.wait()
        peer.reset()

    go = Event()
    with serving(script) as server, reading(server, slow := Slow(rate=5)) as connection:
        settle(lambda: slow.taken)
        assert not connection.gone()
        go.set()
        settle(connection.gone)
        settle(lambda: slow.ends)
    assert slow.payloads == numbered(len(slow.taken))
    assert slow.ends == [Closed("network", 1006, "connection reset")]


def test_a_message_that_fails_the_connection_is_the_last_one_taken() -> None:
    slow = Slow(rate=1000)
    slow.bad = b"2"
    with serving(says(flood(numbered(10)))) as server, reading(server, slow):
        settle(lambda: slow.ends)
    assert slow.payloads == numbered(3)
    assert slow.ends == [Closed("us", 1007, "message: bad")]


def test_an_exception_of_the_receivers_ends_its_connection_only() -> None:
    class Broken(Slow):
        def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: ARG002, FBT001 - as above
            raise RuntimeError("a bug")

    with (
        serving(says(flood(numbered(10)))) as server,
        reading(server, broken := Broken(rate=100)),
        reading(server, slow := Slow(rate=1000)),
    ):
        settle(lambda: broken.ends and len(slow.taken) == 10)
    assert broken.ends == [Closed("us", None, "internal error: RuntimeError")]


def test_it_starves_only_while_it_would_read_and_there_is_nothing() -> None:
    with serving(says(flood(numbered(2)))) as server, reading(server, slow := Slow(rate=10)) as connection:
        settle(lambda: len(slow.taken) == 1)
        assert connection.starving_since is None  # it has one more, and may not take it yet
        settle(lambda: connection.starving_since)
        assert len(slow.taken) == 2
    with serving(closing_server(numbered(2))) as server, reading(server, Slow(**NEVER)) as connection:
        connection.send("now")
        settle(connection.unread)
        assert connection.starving_since is None


def test_its_pings_come_back_behind_what_it_has_not_read() -> None:
    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.send(flood(numbered(10)))
        masked = peer.sock.recv(100)
        mask, body = masked[2:6], masked[6:]
        peer.send(frame(0x8A, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))))
        peer.wait_closed()

    with serving(script) as server, reading(server, slow := Slow(rate=20)) as connection:
        connection.ping()
        settle(lambda: slow.rtts)
    assert len(slow.taken) == 10
    assert slow.rtts[0] >= 9 / 20 - BURST_S - 0.1


def test_a_normal_connection_is_read_by_the_hubs_readers_as_ever() -> None:
    """Nothing of this is on its way: the same class, the same readers."""
    assert slow_connection.SlowConnection.data_received is Connection.data_received
    assert slow_connection.SlowConnection.repeated is Connection.repeated
