"""The control port against strangers, with Locust's own sockets on one side and bare ZeroMQ on the other."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

from locust.rpc import Message, zmqrpc

import gevent
import msgpack
import pytest
import zmq
import zmq.green
from gevent.queue import Queue
from programs import free_port, until
from strangers import GREETING
from zmq.utils import z85

from loadtest.clock import SystemClock
from loadtest.credentials import ClusterKey
from loadtest.swarm import control_door, control_port
from loadtest.swarm.control_door import Handshake
from loadtest.swarm.control_port import DROPPED

KEY = ClusterKey.derive("ZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD9gF3iK6vXtQzM")
OTHER = ClusterKey.derive("9gF3iK6vXtQzMZkV1m7Hq0eWcT5xYb2nR8sUjL4pAoD")
PATCHED = [(zmqrpc.BaseSocket, "__init__"), (zmqrpc.Server, "__init__"), (zmqrpc.BaseSocket, "recv"),
           (zmqrpc.BaseSocket, "recv_from_client")]  # fmt: skip
HELLO = Message("client_ready", "2.47.0", "me")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give Locust its sockets back, and the counters their zeros."""
    before = [(owner, name, getattr(owner, name)) for owner, name in PATCHED]
    DROPPED.clear()
    yield
    for owner, name, value in before:
        setattr(owner, name, value)
    control_port.expect(())


class Master:
    """Locust's server socket with a listener like its own, which takes what it is given and ends when it raises."""

    def __init__(self) -> None:
        self.server = zmqrpc.Server("127.0.0.1", 0)
        self.port: int = self.server.port
        self.heard: Queue[tuple[str, Message]] = Queue()
        self.listener = gevent.spawn(self._listen)

    def _listen(self) -> None:
        while True:
            self.heard.put(self.server.recv_from_client())

    def next(self) -> tuple[str, Message]:
        found: tuple[str, Message] = self.heard.get(timeout=10)
        return found


def close(end: zmqrpc.BaseSocket) -> None:
    """With the context that Locust made for it, and what watches over it."""
    end.socket.context.destroy(linger=0)


@contextmanager
def master(key: ClusterKey | None = KEY) -> Iterator[Master]:
    control_port.install(key, open_without_key=False)
    made = Master()
    try:
        yield made
    finally:
        made.listener.kill()
        close(made.server)


@contextmanager
def stranger(port: int, *, identity: bytes = b"me", prepare: Callable[[Any], None] = lambda _: None) -> Iterator[Any]:
    """A bare DEALER, as anybody can make one."""
    socket = zmq.green.Context.instance().socket(zmq.DEALER)
    socket.linger = 0
    socket.setsockopt(zmq.IDENTITY, identity)
    prepare(socket)
    socket.connect(f"tcp://127.0.0.1:{port}")
    yield socket
    socket.close()


def with_keys(server_public: bytes, secret: bytes) -> Callable[[Any], None]:
    def prepare(socket: Any) -> None:
        socket.curve_serverkey = server_public
        socket.curve_secretkey = z85.encode(secret)
        socket.curve_publickey = zmq.curve_public(z85.encode(secret))

    return prepare


def public(secret: bytes) -> bytes:
    return bytes(zmq.curve_public(z85.encode(secret)))


def test_a_worker_with_the_key_is_heard_and_answered() -> None:
    with master() as there:
        worker = zmqrpc.Client("127.0.0.1", there.port, "me")
        worker.send(HELLO)
        identity, message = there.next()
        assert (identity, message.type, message.data) == ("me", "client_ready", "2.47.0")
        there.server.send_to_client(Message("ack", {"index": 0}, "me"))
        assert worker.recv().type == "ack"
        close(worker)
    assert not DROPPED


@pytest.mark.parametrize(
    "prepare",
    [
        lambda _socket: None,  # in clear, as Locust's own workers talk
        with_keys(public(OTHER.server), OTHER.client),  # another cluster's key
        with_keys(public(KEY.server), OTHER.client),  # who knows the server's public key, and no more
        with_keys(public(OTHER.server), KEY.client),  # who has a client's key, and not the server's
    ],
)
def test_a_peer_without_the_key_can_neither_speak_nor_listen(prepare: Callable[[Any], None]) -> None:
    with master() as there, stranger(there.port, prepare=prepare) as peer:
        peer.send(HELLO.serialize())
        until(lambda: DROPPED["a peer without the cluster key"] >= 1, "the refusal")
        there.server.send_to_client(Message("spawn", {"secret": "canary"}, "me"))
        with zmqrpc_client(there.port) as worker:  # one that may is heard after it, and it alone
            worker.send(Message("client_ready", "2.47.0", "other"))
            assert there.next()[0] == "other"
        assert peer.poll(0) == 0
        assert there.heard.empty()


@contextmanager
def zmqrpc_client(port: int, identity: str = "other") -> Iterator[zmqrpc.Client]:
    made = zmqrpc.Client("127.0.0.1", port, identity)
    yield made
    close(made)


def handshakes_of_workers(monkeypatch: pytest.MonkeyPatch) -> list[Handshake]:
    """Every handshake of a worker from now on; a connection that is lost is followed by one more."""
    seen: list[Handshake] = []

    def spy(zmq_socket: Any, on_handshake: Callable[[Handshake], None], **how: Any) -> None:
        def note(handshake: Handshake) -> None:
            seen.append(handshake)
            on_handshake(handshake)

        control_door.watch(zmq_socket, on_handshake if how else note, **how)

    monkeypatch.setattr(control_port, "watch", spy)
    return seen


@pytest.mark.parametrize(
    ("frames", "why"),
    [
        ([b"\xc1\xff"], "bytes that are no message"),  # what ended Locust's listener: two bytes
        ([b""], "bytes that are no message"),
        ([b"\xff" * 1000], "bytes that are no message"),
        ([msgpack.dumps(5)], "bytes that are no message"),  # not a list of three
        ([msgpack.dumps(("heartbeat",))], "bytes that are no message"),
        ([msgpack.dumps(({"__datetime__": 1}, None, "me"))], "bytes that are no message"),  # Locust's hook raises
        ([msgpack.dumps((5, None, "me"))], "a message without a kind"),
        ([msgpack.dumps(("heartbeat", None, "me"))], "a message that is not what its kind says"),
        ([msgpack.dumps(("locustfile", {"version": "2.47.0"}, "me"))], "a message of a kind that is not known here"),
        ([msgpack.dumps(("nonsense", 1, "me"))], "a message of a kind that is not known here"),
        ([msgpack.dumps(("client_ready", "2.47.0", "you"))], "a worker that speaks for another"),
        ([b"one", b"two"], "the wrong number of frames"),
        ([b"\x91" * 100_000], "bytes that are no message"),  # lists in lists in lists
    ],
)
def test_what_is_no_message_is_counted_and_dropped_and_the_next_one_is_heard(frames: list[bytes], why: str) -> None:
    with master(key=None) as there, stranger(there.port) as peer:
        peer.send_multipart(frames)
        peer.send(HELLO.serialize())
        identity, message = there.next()
        assert (identity, message.type) == ("me", "client_ready")
        assert dict(DROPPED) == {why: 1}
        assert not there.listener.dead


@pytest.mark.parametrize("frame", [HELLO.serialize(), b"\xc1\xff"])
def test_a_flood_leaves_everybody_else_their_turns(frame: bytes) -> None:
    """Whoever waits for a turn of the hub gets one every few messages, whether those are good or dropped."""
    flood = 2000
    seen: list[int] = []

    class Socket:
        """One with a flood in it: zmq.green hands over what is there without a switch."""

        left = flood

        def recv_multipart(self) -> list[bytes]:
            self.left -= 1
            return [b"me", frame] if self.left else [b"me", Message("quit", None, "me").serialize()]

    with master(key=None) as there:
        server, real = there.server, there.server.socket
        there.listener.kill()
        server.socket = Socket()

        def listen() -> None:
            while server.recv_from_client()[1].type != "quit":
                pass

        def other() -> None:
            while server.socket.left:
                seen.append(server.socket.left)
                gevent.sleep(0)

        other_work = gevent.spawn(other)
        gevent.spawn(listen).get(timeout=20)
        other_work.kill()
        server.socket = real
    gaps = [before - after for before, after in pairwise(seen)]
    assert len(seen) >= flood // control_port.TURN - 1
    assert max(gaps) <= control_port.TURN


def test_at_the_end_all_that_was_dropped_is_told_by_reason_and_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_port._Rules, "told", 0)
    control_port.tell_all()
    control_port.drop("bytes that are no message", times=3)
    control_port.drop("a message without a kind", times=0)
    control_port.drop("a worker that speaks for another")
    caplog.clear()
    control_port.tell_all()
    control_port.tell_all()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.endswith("in all: 3 × bytes that are no message, 1 × a worker that speaks for another")


def half_open(port: int, count: int) -> list[socket.socket]:
    """Connections that say nothing."""
    made = [socket.socket() for _ in range(count)]
    for each in made:
        each.settimeout(0)
        each.connect_ex(("127.0.0.1", port))
    return made


def test_when_strangers_have_too_many_descriptors_the_first_of_them_go_and_workers_come_and_stay(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_door, "_descriptor_limit", lambda: 40)
    handshakes = handshakes_of_workers(monkeypatch)
    with master() as there, zmqrpc_client(there.port, "early") as early:
        early.send(Message("client_ready", "2.47.0", "early"))
        assert there.next()[0] == "early"
        peers = half_open(there.port, 60)
        until(lambda: len(ended(peers)) >= 40, "the end of those that are too many")
        assert len(ended(peers)) < 60, "they may have some"
        with zmqrpc_client(there.port, "late") as late:
            late.send(Message("client_ready", "2.47.0", "late"))
            assert there.next()[0] == "late"
            peers += half_open(there.port, 60)
            until(lambda: len(ended(peers)) >= 100, "the end of more")
            for name, worker in (("early", early), ("late", late)):
                worker.send(Message("heartbeat", {"state": "ready", "current_cpu_usage": 1}, name))
                assert there.next()[1].node_id == name
        until(lambda: handshakes == [Handshake.DONE] * 2, "both to have shaken hands, once")
        for each in peers:
            each.close()
    assert "have not said who they are: the first make room" in caplog.text


def test_who_has_not_shaken_hands_can_not_fill_the_masters_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """As to libzmq, a command of up to MAX_MESSAGE bytes may come first. The worker is looked at before that peer."""
    handshakes = handshakes_of_workers(monkeypatch)
    with master() as there, zmqrpc_client(there.port) as worker:
        worker.send(Message("client_ready", "2.47.0", "other"))
        assert there.next()[0] == "other"
        with socket.create_connection(("127.0.0.1", there.port), 20) as peer:
            peer.sendall(GREETING)
            with peer.makefile("rb") as reads:
                assert len(reads.read(64)) == 64
            peer.sendall(b"\x06" + (60 * 2**20).to_bytes(8, "big") + bytes(1000))
            began = SystemClock.monotonic()
            assert peer.recv(1) == b""
            assert SystemClock.monotonic() - began < control_door.HANDSHAKE_S
        worker.send(Message("client_ready", "x" * 100_000, "other"))
        assert len(there.next()[1].data) == 100_000
        until(lambda: handshakes == [Handshake.DONE], "the one handshake of the worker")


def ended(peers: list[socket.socket]) -> list[socket.socket]:
    """Those that the other side has closed, as far as its bytes (its greeting, if any) have been read."""
    return [peer for peer in peers if _is_over(peer)]


def _is_over(peer: socket.socket) -> bool:
    try:
        while peer.recv(1000):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def test_a_peer_that_is_no_text_is_not_answered() -> None:
    with master(key=None) as there, stranger(there.port, identity=b"\xff\xfe") as peer:
        peer.send(HELLO.serialize())
        until(lambda: DROPPED["an identity that is no name"] == 1, "the drop")


def test_a_worker_drops_what_its_master_did_not_mean() -> None:
    with master(key=None) as there, zmqrpc_client(there.port, "me") as worker:
        worker.send(HELLO)
        there.next()
        for frame in (b"\xc1", msgpack.dumps(("locustfile", {}, "me")), msgpack.dumps(("spawn", {}, "me"))):
            there.server.socket.send_multipart([b"me", frame])
        there.server.send_to_client(Message("ack", {"index": 3}, "me"))
        assert worker.recv().data == {"index": 3}
        assert DROPPED.total() == 3


def test_a_message_that_is_too_large_costs_its_sender_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_port, "MAX_MESSAGE", 1000)
    with master(key=None) as there:
        with stranger(there.port, identity=b"big") as peer:
            peer.send(msgpack.dumps(("client_ready", "x" * 5000, "big")))
            with stranger(there.port) as other:
                other.send(HELLO.serialize())
                assert there.next()[0] == "me"
        assert there.heard.empty()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True), ("127.8.8.8", True), ("*", False),
     ("0.0.0.0", False), ("::", False), ("10.0.0.5", False), ("master.example", False)],
)  # fmt: skip
def test_what_nobody_else_can_reach(host: str, *, loopback: bool) -> None:
    assert control_port.is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("key", "open_without_key", "expected"),
    [
        (None, False, "tcp://127.0.0.1:"),  # whatever it was told
        (None, True, "tcp://0.0.0.0:"),
        (KEY, False, "tcp://0.0.0.0:"),
    ],
)
def test_without_a_key_it_is_open_to_others_only_when_told_so(
    key: ClusterKey | None, expected: str, *, open_without_key: bool
) -> None:
    control_port.install(key, open_without_key=open_without_key)
    server = zmqrpc.Server("0.0.0.0", free_port())
    bound = server.socket.getsockopt(zmq.LAST_ENDPOINT)
    close(server)
    assert bound.decode().startswith(expected)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock of the control port says; not SystemClock's own, which others in this process go on asking."""
    time = [100.0]
    monkeypatch.setattr(control_port, "SystemClock", SimpleNamespace(monotonic=lambda: time[0]))
    return time


def test_a_worker_whose_key_is_wrong_gives_up_with_a_sentence(
    now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    patience = control_port._Patience()
    for wait in (0.0, 0.1, 1.0, control_port.GIVE_UP_S - 1.2):
        now[0] += wait
        patience.on_handshake(Handshake.REFUSED)
    now[0] += 0.3
    with pytest.raises(SystemExit) as ended:
        patience.on_handshake(Handshake.REFUSED)
    assert ended.value.code == 2
    assert "LOADTEST_CLUSTER_KEY" in caplog.text


def test_a_worker_whose_handshakes_are_cut_by_a_bad_network_never_gives_up(
    now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    patience = control_port._Patience()
    for _ in range(20):
        patience.on_handshake(Handshake.CUT)
        now[0] += control_door.HANDSHAKE_S
    assert not caplog.records
    patience.on_handshake(Handshake.REFUSED)
    now[0] += control_port.GIVE_UP_S
    patience.on_handshake(Handshake.REFUSED)  # twice in a row may be chance


def test_a_worker_that_was_let_in_once_never_gives_up(now: list[float]) -> None:
    """Its master may be frozen, or restart."""
    patience = control_port._Patience()
    patience.on_handshake(Handshake.DONE)
    for _ in range(5):
        now[0] += 1000.0
        patience.on_handshake(Handshake.REFUSED)


@contextmanager
def watched(prepare: Callable[[Any], None], port: int) -> Iterator[list[Handshake]]:
    """The handshakes of a client."""
    seen: list[Handshake] = []

    def watch_and_prepare(client: Any) -> None:
        client.setsockopt(zmq.HANDSHAKE_IVL, 500)
        prepare(client)
        control_door.watch(client, seen.append)

    with stranger(port, prepare=watch_and_prepare):
        yield seen


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (with_keys(public(KEY.server), KEY.client), Handshake.DONE),
        (lambda _socket: None, Handshake.REFUSED),
        (with_keys(public(OTHER.server), OTHER.client), Handshake.REFUSED),
        (with_keys(public(KEY.server), OTHER.client), Handshake.REFUSED),
    ],
)
def test_a_client_can_tell_that_it_was_refused(prepare: Callable[[Any], None], expected: Handshake) -> None:
    with master() as there, watched(prepare, there.port) as seen:
        until(lambda: bool(seen), "a handshake")
        assert seen[0] is expected


def test_a_handshake_that_nobody_answers_was_cut_and_not_refused() -> None:
    prepare = with_keys(public(KEY.server), KEY.client)
    with socket.create_server(("127.0.0.1", 0)) as silent, watched(prepare, silent.getsockname()[1]) as seen:
        until(lambda: len(seen) >= 2, "two of them")
    assert set(seen) == {Handshake.CUT}


@pytest.mark.parametrize("said", [b"", GREETING[:20], GREETING])
def test_a_connection_that_is_lost_in_its_handshake_is_nobody_without_the_key(said: bytes) -> None:
    with master() as there:
        with socket.create_connection(("127.0.0.1", there.port)) as peer:
            peer.sendall(said)
        until(lambda: DROPPED.total() == 1, "the end of it")
    assert dict(DROPPED) == {"a peer that did not shake hands": 1}


def test_locust_still_needs_it() -> None:
    """Two bytes end its listener: what zmqrpc raises is none of the errors that client_listener catches."""
    server = zmqrpc.Server("127.0.0.1", 0)
    with stranger(server.port) as peer:
        peer.send(b"\xc1\xff")
        with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever msgpack makes of it
            server.recv_from_client()
    close(server)
    assert not isinstance(raised.value, zmqrpc.RPCReceiveError | control_port.RPCError)
