import gc
import struct
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import gevent
import pytest
from gevent import get_hub
from gevent.event import Event
from gevent.monkey import get_original
from support import hostile_server as hostile
from support.certificates import make_certificate, server_context
from support.hostile_server import answers, frame, says, upgrade
from support.http_server import Peer, serving
from support.leaks import nothing_left_open, settle
from support.websocket_server import running

from loadtest.errors import ConnectFailed
from loadtest.frames.session import PER_TURN, Session
from loadtest.swarm import transport, websocket
from loadtest.swarm.websocket import Closed, Connection, ConnectOptions
from loadtest.text import valid_utf8

MEGABYTE = 2**20


class Listener:
    """A receiver that remembers everything, and can be waited for."""

    def __init__(self) -> None:
        self.messages: list[tuple[str | bytes, float]] = []
        self.rtts: list[float] = []
        self.waits: list[float | None] = []
        self.ends: list[Closed] = []
        self.news = Event()
        self.connection: Connection | None = None

    def on_message(self, payload: bytes, text: bool, received: float) -> None:  # noqa: FBT001 - the Receiver's signature
        if text and not valid_utf8(payload):
            assert self.connection is not None
            self.connection.fail(1007, "message: invalid UTF-8")
            return
        self.messages.append((payload.decode() if text else payload, received))
        self.news.set()

    def on_read(self, waited: float | None) -> None:
        self.waits.append(waited)

    def on_pong(self, rtt: float) -> None:
        self.rtts.append(rtt)
        self.news.set()

    def on_closed(self, end: Closed) -> None:
        self.ends.append(end)
        self.news.set()

    def wait_until(self, condition: Callable[[], object], timeout: float = 5.0) -> None:
        with gevent.Timeout(timeout):
            while not condition():
                self.news.clear()
                self.news.wait()

    @property
    def said(self) -> list[str | bytes]:
        return [message for message, _ in self.messages]


def connected(url: str, listener: Listener | None = None, **options: object) -> tuple[Connection, Listener]:
    listener = listener or Listener()
    listener.connection = Connection.connect(ConnectOptions(url, **options), listener)  # type: ignore[arg-type]
    return listener.connection, listener


@pytest.fixture(autouse=True)
def no_descriptor_leaks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever a test does, it ends with as many descriptors as it began with."""
    monkeypatch.setattr(transport, "LINGER_S", 0.1)
    with nothing_left_open():
        yield


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running() as url:
        yield url


# -- with a server that keeps the rules -------------------------------------------------------------------------------


def test_messages_of_both_kinds_come_back_from_an_echo(server: str) -> None:
    connection, listener = connected(server + "/echo")
    sent: list[str | bytes] = ["grüße", b"\x00\xff", "", "x" * 200_000]
    for message in sent:
        assert connection.send(message)
    listener.wait_until(lambda: len(listener.messages) == len(sent))
    connection.close()
    assert connection.wait_closed(5) == Closed("us", 1000, "closed by us")
    assert listener.said == sent
    assert listener.ends == [Closed("us", 1000, "closed by us")]


def test_compressed_messages_come_back_from_an_echo(server: str) -> None:
    connection, listener = connected(server + "/echo", compression=True)
    for message in ("a" * 100_000, "b"):
        connection.send(message)
    listener.wait_until(lambda: listener.said == ["a" * 100_000, "b"])
    connection.close()
    assert connection.wait_closed(5) == Closed("us", 1000, "closed by us")


def test_a_close_by_the_server_gives_its_code_after_all_its_messages(server: str) -> None:
    connection, listener = connected(server + "/push?500")
    assert connection.wait_closed(5) == Closed("server", 4000, "closed by server: 4000")
    assert listener.said == [f"message {number}" for number in range(500)]
    times = [received for _, received in listener.messages]
    assert times == sorted(times)


FLOODS = {
    "empty messages": (frame(0x81) * 30_000, 30_000),  # two bytes each: more than 30,000 fit in one read
    "pings": (frame(0x89) * 3_000 + frame(0x81, b"end"), 1),  # each of them is answered
    "fragments": ((frame(0x01, b"a") + frame(0x80, b"b")) * 2_000, 2_000),  # these take the longer way
}


@pytest.mark.parametrize(("flood", "messages"), FLOODS.values(), ids=FLOODS)
def test_a_full_read_of_small_frames_is_spread_over_turns_and_none_is_lost(flood: bytes, messages: int) -> None:
    turns: list[int] = []
    timer = get_hub().loop.timer(0.0, 0.0001)
    with serving(says(flood + frame(0x88, struct.pack("!H", 1000)))) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/")
        timer.start(lambda: turns.append(len(listener.messages)))  # a turn of the loop, for everybody else
        assert connection.wait_closed(5) == Closed("server", 1000, "closed by server: 1000")
    timer.close()
    assert len(listener.messages) == messages
    most = max(after - before for before, after in pairwise([0, *turns, messages]))
    assert most <= 2 * PER_TURN
    assert len(turns) > len(flood) // 65536


def test_a_message_has_the_kernels_time_and_what_it_waited_is_told() -> None:
    sent: list[float] = []

    def script(peer: Peer) -> None:
        upgrade(peer)
        gevent.sleep(0.01)
        peer.send(frame(0x81, b"news"))
        sent.append(time.monotonic())
        get_original("time", "sleep")(0.2)  # the hub is busy while the message waits in the socket
        peer.wait_closed()

    with serving(script) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/")
        listener.wait_until(lambda: listener.messages)
        connection.abort()
    ((_, received),) = listener.messages
    assert received <= sent[0] + 1e-3
    (waited,) = (waited for waited in listener.waits if waited is not None and waited > 0.1)
    assert waited >= 0.2 - 1e-3


def test_a_ping_is_timed(server: str) -> None:
    connection, listener = connected(server + "/echo")
    connection.ping()
    listener.wait_until(lambda: listener.rtts)
    connection.close()
    connection.wait_closed(5)
    assert 0 < listener.rtts[0] < 5


def test_the_subprotocol_and_the_time_to_connect_are_known(server: str) -> None:
    connection, _ = connected(server + "/echo", subprotocols=("nonsense", "text"))
    connection.close()
    assert connection.subprotocol == "text"
    assert 0 < connection.connect_s < 5


def test_wss_verifies_the_server_and_carries_messages_larger_than_a_record(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    script = says(frame(0x81, b"x" * 100_000) + frame(0x82, b"y") + frame(0x88, struct.pack("!H", 1000)))
    with serving(script, server_context(certificate)) as server:
        connection, listener = connected(f"wss://localhost:{server.port}/", ca_file=str(certificate))
        assert connection.wait_closed(5) == Closed("server", 1000, "closed by server: 1000")
        assert listener.said == ["x" * 100_000, b"y"]
        with pytest.raises(ConnectFailed, match=r"^connect: TLS: certificate$"):
            connected(f"wss://127.0.0.1:{server.port}/", ca_file=str(certificate))


def test_three_hundred_connections_share_a_process_with_a_stalled_one(server: str) -> None:
    def stall(peer: Peer) -> None:
        upgrade(peer)
        peer.send(frame(0x81, b"half a frame", length=100))
        peer.wait_closed()

    with serving(stall) as stalling:
        stalled, waiting = connected(f"ws://127.0.0.1:{stalling.port}/")
        listeners = [Listener() for _ in range(300)]
        connecting = [gevent.spawn(connected, server + "/tick", listener) for listener in listeners]
        gevent.joinall(connecting, timeout=20, raise_error=True)
        for listener in listeners:
            listener.wait_until(lambda listener=listener: len(listener.messages) >= 10, timeout=20)
        for greenlet in connecting:
            greenlet.value[0].close()
        ends = [greenlet.value[0].wait_closed(10) for greenlet in connecting]
        assert ends == [Closed("us", 1000, "closed by us")] * 300
        assert all(set(listener.said) == {"tick"} and listener.ends for listener in listeners)
        assert waiting.messages == []
        stalled.abort()


# -- connecting: what can go wrong ------------------------------------------------------------------------------------

REFUSALS = [
    (hostile.accept_and_be_silent, "connect: timeout: upgrade", None),  # took the connection, says nothing
    (hostile.answer_half_and_be_silent, "connect: timeout: upgrade", None),  # all but the last line
    (hostile.dribble_the_answer, "connect: timeout: upgrade", None),  # slow enough to stay below the size limit
    (hostile.flood_the_answer, "connect: header too large", None),  # fast enough to reach it
    (hostile.hang_up_before_the_answer, "connect: connection closed", None),  # an orderly end
    (hostile.reset_before_the_answer, "connect: connection reset", None),  # a crash, or a firewall
    (hostile.answer_another_key, "connect: wrong Sec-WebSocket-Accept", None),  # a cache, or no WebSocket server
    (hostile.pick_an_extension_that_was_not_offered, "connect: extension not offered", None),  # RFC 6455, 4.1
    (hostile.pick_a_subprotocol_that_was_not_offered, "connect: subprotocol not offered", None),  # RFC 6455, 4.1
    (answers(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n"), "connect: HTTP 403", 403),  # body never comes
    (answers(b"HTTP/1.1 503 Busy\r\n\r\n"), "connect: HTTP 503", 503),  # a body that would end with the connection
    (answers(b"HTTP/1.1 200 OK\r\n\r\n<html>"), "connect: HTTP 200", 200),  # a web server
    (answers(b"220 smtp.example ESMTP\r\n"), "connect: not a WebSocket answer", None),  # another protocol
    (answers(b"\x00" * 5000), "connect: not a WebSocket answer", None),  # junk
]


@pytest.mark.parametrize(
    ("script", "name", "status"), REFUSALS, ids=[f"{i}: {row[1]}" for i, row in enumerate(REFUSALS)]
)
def test_a_failed_upgrade_has_a_stable_name_and_nothing_stays_open(
    script: Callable[[Peer], None], name: str, status: int | None
) -> None:
    with serving(script) as server:
        listener = Listener()
        with pytest.raises(ConnectFailed) as caught:
            connected(f"ws://127.0.0.1:{server.port}/?token=secret", listener, timeout=0.3)
        assert (caught.value.name, caught.value.status, caught.value.ours) == (name, status, False)
        assert listener.ends == []
        server.wait_until_closed()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_named_and_never_followed(status: int) -> None:
    with serving(hostile.hang_up) as trap:
        location = f"HTTP/1.1 {status} Go\r\nLocation: ws://127.0.0.1:{trap.port}/\r\n\r\n".encode()
        with serving(answers(location)) as server, pytest.raises(ConnectFailed, match=r"^connect: redirect$") as caught:
            connected(f"ws://127.0.0.1:{server.port}/")
        gevent.sleep(0)
        assert caught.value.status == status
        assert trap.connections == 0


def test_a_greenlet_killed_while_it_connects_leaves_nothing_open() -> None:
    with serving(hostile.accept_and_be_silent) as server:
        greenlet = gevent.spawn(connected, f"ws://127.0.0.1:{server.port}/")
        settle(lambda: server.open == 1)
        greenlet.kill()
        server.wait_until_closed()


# -- an open connection: what can go wrong ----------------------------------------------------------------------------

ENDS = [
    (says(b"\x81\x81\0\0\0\0x"), Closed("us", 1002, "protocol error: masked frame")),  # RFC 6455, 5.1
    (says(frame(0xC1, b"x")), Closed("us", 1002, "protocol error: reserved bits")),  # compressed, but not agreed on
    (says(frame(0x83, b"x")), Closed("us", 1002, "protocol error: reserved opcode")),  # RFC 6455, 5.2
    (says(frame(0x81, length=2**62)), Closed("us", 1009, "protocol error: message too big")),  # announced only
    (says(frame(0x80, b"x")), Closed("us", 1002, "protocol error: continuation of nothing")),  # RFC 6455, 5.4
    (says(frame(0x88, b"x")), Closed("us", 1002, "protocol error: bad Close frame")),  # RFC 6455, 5.5.1
    (says(b"HTTP/1.1 400 Bad Request\r\n" * 9), Closed("us", 1002, "protocol error: reserved bits")),  # junk
    (says(frame(0x81, b"\xff\xfe")), Closed("us", 1007, "message: invalid UTF-8")),  # found by the receiver
    (hostile.fragment_without_end, Closed("us", 1009, "protocol error: message too big")),  # in sum
    (hostile.ping_without_end_and_read_nothing, Closed("us", None, transport.OVERFLOW)),  # our pongs pile up
    (says(frame(0x88, struct.pack("!H", 1011))), Closed("server", 1011, "closed by server: 1011")),  # with a code
    (says(frame(0x88)), Closed("server", 1005, "closed by server: 1005")),  # without one
    (hostile.close_and_be_silent, Closed("server", 1011, "closed by server: 1011")),  # TCP stays open
    (hostile.hang_up, Closed("server", 1006, "closed by server: no Close frame")),  # an orderly end of TCP
    (hostile.hang_up_in_mid_frame, Closed("server", 1006, "closed by server: no Close frame")),  # the same
    (hostile.reset, Closed("network", 1006, "connection reset")),  # a crash, or a firewall
]


@pytest.mark.parametrize(("script", "end"), ENDS, ids=[f"{i}: {row[1].name}" for i, row in enumerate(ENDS)])
def test_a_misbehaving_server_ends_its_connection_under_a_stable_name(
    script: Callable[[Peer], None], end: Closed
) -> None:
    with serving(script) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/", max_message=MEGABYTE)
        assert connection.wait_closed(10) == end
        assert listener.ends == [end]
        server.wait_until_closed()


def test_the_server_is_told_why_before_the_connection_is_cut() -> None:
    heard: list[bytes] = []

    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.send(frame(0x83, b"x") + b"y" * 100_000)  # more than is read before the fault is found
        while data := peer.sock.recv(1000):
            heard.append(data)

    with serving(script) as server:
        connection, _ = connected(f"ws://127.0.0.1:{server.port}/")
        connection.wait_closed(5)
        server.wait_until_closed()
    mask, masked = b"".join(heard)[2:6], b"".join(heard)[6:8]
    assert struct.unpack("!H", bytes(a ^ b for a, b in zip(masked, mask, strict=False))) == (1002,)


# -- closing ----------------------------------------------------------------------------------------------------------

CLOSES = [
    (hostile.never_answer_a_close, Closed("us", 1000, "close: no answer"), []),  # we don't wait for ever
    (
        hostile.answer_a_close_by_hanging_up,
        Closed("us", 1000, "close: connection closed before the server's Close"),
        [],
    ),
    (hostile.send_data_before_answering_a_close, Closed("us", 1000, "closed by us"), ["late", b"later"]),  # it counts
]


@pytest.mark.parametrize(("script", "end", "said"), CLOSES, ids=[row[1].name for row in CLOSES])
def test_a_close_of_ours_ends_whatever_the_server_does(
    script: Callable[[Peer], None], end: Closed, said: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "CLOSE_S", 0.2)
    with serving(script) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/")
        connection.close(1000, "done")
        assert connection.wait_closed(5) == end
        assert listener.said == said
        assert listener.ends == [end]
        server.wait_until_closed()


def test_an_abort_cuts_at_once_and_what_comes_later_is_harmless() -> None:
    with serving(hostile.never_answer_a_close) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/")
        connection.abort()
        assert listener.ends == [Closed("us", None, "aborted by us")]
        connection.abort()
        connection.close()
        connection.fail(1007, "x")
        connection.ping()
        assert not connection.send("x")
        server.wait_until_closed()
        assert listener.ends == [Closed("us", None, "aborted by us")]


def test_waiting_for_the_end_of_an_open_connection_gives_up() -> None:
    with serving(hostile.never_answer_a_close) as server:
        connection, _ = connected(f"ws://127.0.0.1:{server.port}/")
        assert connection.wait_closed(0.01) is None
        connection.abort()


# -- the owner and the hub --------------------------------------------------------------------------------------------


def test_what_follows_the_answer_in_the_same_packet_comes_after_connect_has_returned() -> None:
    def script(peer: Peer) -> None:
        peer.send(hostile.accepted(peer) + frame(0x81, b"first") + frame(0x81, b"sec", length=6))
        gevent.sleep(0.02)
        peer.send(b"ond" + frame(0x88, struct.pack("!H", 1001)))
        peer.wait_closed()

    with serving(script) as server:
        connection, listener = connected(f"ws://127.0.0.1:{server.port}/")
        assert (listener.messages, listener.ends) == ([], [])
        assert connection.wait_closed(5) == Closed("server", 1001, "closed by server: 1001")
        assert listener.said == ["first", "second"]


def blocks(_payload: bytes, _text: bool, _received: float) -> None:  # noqa: FBT001 - the Receiver's signature
    gevent.sleep(1)


def divides(_payload: bytes, _text: bool, _received: float) -> None:  # noqa: FBT001 - the Receiver's signature
    _ = 1 // 0


@pytest.mark.parametrize(("mistake", "name"), [(blocks, "BlockingSwitchOutError"), (divides, "ZeroDivisionError")])
@pytest.mark.parametrize("early", [True, False])  # right behind the answer, and later
def test_a_receiver_that_blocks_or_raises_ends_its_own_connection_only(
    mistake: Callable[..., None], name: str, *, early: bool
) -> None:
    def script(peer: Peer) -> None:
        answer = hostile.accepted(peer)
        peer.send(answer + frame(0x81, b"x") if early else answer)
        gevent.sleep(0.02)
        peer.send(frame(0x81, b"y"))
        peer.wait_closed()

    with serving(script) as server:
        broken = Listener()
        broken.on_message = mistake  # type: ignore[method-assign]
        connection, _ = connected(f"ws://127.0.0.1:{server.port}/", broken)
        other, listener = connected(f"ws://127.0.0.1:{server.port}/")
        assert connection.wait_closed(5) == Closed("us", None, f"internal error: {name}")
        listener.wait_until(lambda: "y" in listener.said)
        other.abort()


def test_closed_connections_leave_no_object_behind_also_without_the_garbage_collector(server: str) -> None:
    """It is kept from looking at what has lived for a while (swarm/collecting.py)."""

    def live() -> None:
        connection, _ = connected(server + "/echo")
        connection.send("x")
        connection.close()
        connection.wait_closed(5)

    def objects() -> int:
        return sum(isinstance(thing, Connection | Session | transport.Transport) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        gevent.joinall([gevent.spawn(live) for _ in range(50)], raise_error=True)
        settle(lambda: objects() == 0)
    finally:
        gc.enable()


def test_options_print_no_secret() -> None:
    options = ConnectOptions("ws://h:1/p?token=secret", headers=(("Authorization", "Bearer secret"),))
    assert repr(options) == "ConnectOptions('ws://h:1/p', headers=[Authorization])"
