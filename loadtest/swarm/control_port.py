"""Locust's control port, made safe to leave open: nothing without the cluster key, and no message ends a listener.

Locust's sockets bind and connect in their constructor, without authentication or limits, and raise whatever a peer's
bytes make of them into the loop that reads them. What is patched here is locust.rpc.zmqrpc; what may be in a message is
control_messages.py's.
"""

import ipaddress
import logging
from collections import Counter
from collections.abc import Callable, Container
from typing import Any

from locust.exception import RPCError
from locust.rpc import Message, zmqrpc

import gevent
import zmq
import zmq.green
from zmq.utils import z85

from loadtest.clock import SystemClock
from loadtest.credentials import ClusterKey
from loadtest.errors import ExitCode
from loadtest.swarm import control_door
from loadtest.swarm.control_door import Handshake, watch
from loadtest.swarm.control_messages import from_master, from_worker

__all__ = ["DROPPED", "drop", "expect", "install", "is_loopback", "tell_all"]

logger = logging.getLogger(__name__)

MAX_MESSAGE = 64 * 2**20
"""Bytes of one message; a peer that sends more is cut off. An hour of Records fits."""
BACKLOG = 1024
"""Connections that wait to be taken in; libzmq's own 100 are full at once when a cluster, or a flood, comes."""
ZAP_ENDPOINT = "inproc://zeromq.zap.01"
ZAP_DOMAIN = b"loadtest"
GIVE_UP_S = 10.0
REFUSALS = 3
"""A worker whose key is not the master's gives up after so many in so long (s)."""
SAY_EVERY_S = 10.0
TURN = 20
"""Messages in a row that are read before everybody else has a turn: zmq.green does not switch while more are there."""

DROPPED: Counter[str] = Counter()
"""Why -> how many: what was dropped or turned away at the control port of this process."""


class _Rules:
    """What `install` was given, for the sockets that Locust makes later."""

    key: ClusterKey | None = None
    open_without_key = False
    ours: Container[str] = ()
    said_at: float = float("-inf")
    turns: int = 0
    told: int = 0


def install(key: ClusterKey | None, *, open_without_key: bool) -> None:
    """Guard every control socket that Locust makes from now on.

    Without a key a master listens on this machine only, whatever it was told, unless `open_without_key`.
    """
    _Rules.key = key
    _Rules.open_without_key = open_without_key
    if zmqrpc.BaseSocket.__init__ is _ORIGINAL_INIT:
        zmqrpc.BaseSocket.__init__ = _init  # type: ignore[method-assign]
        zmqrpc.Server.__init__ = _init_server  # type: ignore[method-assign]
        zmqrpc.BaseSocket.recv = _recv  # type: ignore[method-assign]
        zmqrpc.BaseSocket.recv_from_client = _recv_from_client  # type: ignore[method-assign]


_ORIGINAL_INIT = zmqrpc.BaseSocket.__init__
_ORIGINAL_SERVER_INIT = zmqrpc.Server.__init__


def _init(self: zmqrpc.BaseSocket, sock_type: int, ipv4_only: bool) -> None:  # noqa: FBT001 - Locust's signature
    _ORIGINAL_INIT(self, sock_type, ipv4_only)  # type: ignore[no-untyped-call]
    self.socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE)
    self.socket.setsockopt(zmq.HANDSHAKE_IVL, round(control_door.HANDSHAKE_S * 1000))
    self.socket.setsockopt(zmq.BACKLOG, BACKLOG)
    if sock_type == zmq.ROUTER:
        _prepare_server(self.socket)
    else:
        _prepare_client(self.socket)


def _init_server(self: zmqrpc.Server, host: str, port: int) -> None:
    if _Rules.key is None and not _Rules.open_without_key and not is_loopback(host):
        logger.error(
            "there is no cluster key, so workers are listened for on this machine only (127.0.0.1, not %s):"
            " set LOADTEST_CLUSTER_KEY, here and for the workers (`loadtest key` makes one)",
            host,
        )
        host = "127.0.0.1"
    _ORIGINAL_SERVER_INIT(self, host, port)  # type: ignore[no-untyped-call]


def expect(kinds: Container[str]) -> None:
    """Let messages of these kinds pass besides Locust's own: those that a runner has a listener for."""
    _Rules.ours = kinds


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine can reach that address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:  # a name, or * for every address
        return False


# -- who may talk to us -----------------------------------------------------------------------------------------------


def _prepare_server(socket: Any) -> None:
    watch(socket, _count_refusal, keep_door=True, keyed=_Rules.key is not None)
    key = _Rules.key
    if key is None:
        return
    _admit_only(socket.context, zmq.curve_public(z85.encode(key.client)))
    socket.setsockopt(zmq.ZAP_DOMAIN, ZAP_DOMAIN)
    socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.curve_server = True
    socket.curve_secretkey = z85.encode(key.server)


def _count_refusal(handshake: Handshake) -> None:
    if handshake is Handshake.REFUSED:
        drop("a peer that speaks otherwise" if _Rules.key is None else "a peer without the cluster key")
    elif handshake is Handshake.CUT:
        drop("a peer that did not shake hands")


def _prepare_client(socket: Any) -> None:
    key = _Rules.key
    if key is not None:
        socket.curve_serverkey = zmq.curve_public(z85.encode(key.server))
        socket.curve_secretkey = z85.encode(key.client)
        socket.curve_publickey = zmq.curve_public(z85.encode(key.client))
    watch(socket, _Patience().on_handshake)


class _Patience:
    """A worker that the master will never let in says so and ends, instead of trying for ever.

    A handshake that was cut says nothing of the key: a network that loses packets cuts some.
    """

    def __init__(self) -> None:
        self._refused: list[float] = []
        self._admitted = False

    def on_handshake(self, handshake: Handshake) -> None:
        """Called after each."""
        self._admitted = self._admitted or handshake is Handshake.DONE
        if self._admitted or handshake is Handshake.CUT:
            return
        self._refused.append(SystemClock.monotonic())
        if len(self._refused) == 1:
            logger.warning("the master did not accept the cluster key of this worker; trying again for %g s", GIVE_UP_S)
        if len(self._refused) >= REFUSALS and self._refused[-1] - self._refused[0] >= GIVE_UP_S:
            has = "is not the master's" if _Rules.key is not None else "is not set, but the master has one"
            logger.error("LOADTEST_CLUSTER_KEY %s: this worker can't join", has)
            raise SystemExit(int(ExitCode.BAD_CONFIGURATION))


def _admit_only(context: Any, client_key: bytes) -> None:
    """Answer ZeroMQ's question who may connect (ZAP, rfc.zeromq.org/spec/27): who has the derived client key.

    CURVE alone lets in any client that knows the server's public key.
    """
    handler = context.socket(zmq.REP)
    handler.linger = 0
    handler.bind(ZAP_ENDPOINT)
    wanted = z85.decode(client_key)

    def serve() -> None:
        while True:
            try:
                version, request, domain, _address, _identity, mechanism, *credentials = handler.recv_multipart()
            except zmq.ZMQError:  # the context was closed
                return
            admitted = (domain, mechanism, credentials) == (ZAP_DOMAIN, b"CURVE", [wanted])
            status, text = (b"200", b"OK") if admitted else (b"400", b"unknown key")
            handler.send_multipart([version, request, status, text, b"worker" if admitted else b"", b""])

    gevent.spawn(serve)


# -- what they may say ------------------------------------------------------------------------------------------------


def _recv(self: zmqrpc.BaseSocket) -> Message:
    """A worker's: the next message of the master that is one."""
    while True:
        _take_turns()
        try:
            data = self.socket.recv_multipart()
        except zmq.ZMQError as broken:
            raise RPCError("ZMQ network broken") from broken
        if len(data) != 1:
            drop("the wrong number of frames")
            continue
        message = _read(data[0], from_master)
        if message is not None:
            return message


def _recv_from_client(self: zmqrpc.BaseSocket) -> tuple[str, Message]:
    """The master's: the next message of a worker that is one, and who sent it."""
    while True:
        _take_turns()
        try:
            data = self.socket.recv_multipart()
        except zmq.ZMQError as broken:
            raise RPCError("ZMQ network broken") from broken
        if len(data) != 2:  # noqa: PLR2004 - an identity and a message
            drop("the wrong number of frames")
            continue
        try:
            identity = data[0].decode("ascii")
        except UnicodeDecodeError:
            drop("an identity that is no name")
            continue
        message = _read(data[1], from_worker)
        if message is None:
            continue
        if message.node_id != identity:
            drop("a worker that speaks for another")
            continue
        return identity, message


def _take_turns() -> None:
    """A flood of messages, good or bad, must not keep the rest of this process from its work."""
    _Rules.turns = (_Rules.turns + 1) % TURN
    if _Rules.turns == 0:
        gevent.sleep(0)


def _read(data: bytes, problem_with: Callable[[str, Any, Container[str]], str | None]) -> Message | None:
    try:
        message: Message = Message.unserialize(data)
    except Exception:  # noqa: BLE001 - an edge: a stranger's bytes, through msgpack and Locust's own hooks
        drop("bytes that are no message")
        return None
    if not isinstance(message.type, str) or not isinstance(message.node_id, str | None):
        drop("a message without a kind")
        return None
    problem = problem_with(message.type, message.data, _Rules.ours)
    if problem is not None:
        drop(problem)
        return None
    return message


def drop(why: str, about: str = "", times: int = 1) -> None:
    """Count, and say so now and then: a flood must not become a flood of log lines. `about` tells of this one."""
    if not times:
        return
    DROPPED[why] += times
    now = SystemClock.monotonic()
    if now - _Rules.said_at >= SAY_EVERY_S:
        _Rules.said_at = now
        what = f"{why}, {about}" if about else why
        logger.warning("dropped at the control port: %s (%d of these, %d in all)", what, DROPPED[why], DROPPED.total())


def tell_all(**_: Any) -> None:
    """At the end: what was dropped, by reason. A listener of Locust's `quitting`, which may fire twice."""
    total = DROPPED.total()
    if total > _Rules.told:
        _Rules.told = total
        reasons = ", ".join(f"{count} × {why}" for why, count in DROPPED.most_common())
        logger.warning("dropped at the control port in all: %s", reasons)
