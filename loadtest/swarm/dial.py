"""Making a connection: DNS, TCP and TLS, each failure under its own stable name. What is said over it is not here."""

import errno
import ssl
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any

import gevent
import gevent.socket
from gevent import get_hub
from gevent.hub import Waiter
from gevent.monkey import get_original

from loadtest.errors import ConnectFailed
from loadtest.swarm.edge import READ_BYTES
from loadtest.swarm.tls import Resumption, TlsLayer, client_context
from loadtest.swarm.transport import Transport, TransportSink

__all__ = ["Address", "address", "dial", "exhausted"]

READ, WRITE = 1, 2
READY = object()
ETHERNET = 1460
"""Bytes of a segment there. The sender's kernel sizes its own buffer by the segments (Linux: tcp_sndbuf_expand), and
a loopback's of 64 KiB give it more than 1 MB, in which a small window would not be felt for minutes."""
new_socket = get_original("socket", "SocketType")
"""Python's own in C: one call less, and less memory, than the class on top of it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect. `verify` and `ca_file` (PEM; instead of the system's) matter for TLS only."""

    host: str
    port: int
    tls: bool = False
    verify: bool = True
    ca_file: str | None = None
    receive_buffer: int | None = None
    """Bytes (SO_RCVBUF; the kernel doubles it for its own bookkeeping and has a minimum), and segments of Ethernet's
    size; None: the system's."""


@lru_cache(maxsize=64)
def address(
    host: str, port: int, *, tls: bool, verify: bool, ca_file: str | None, receive_buffer: int | None = None
) -> Address:
    """The same, made once."""
    return Address(host, port, tls=tls, verify=verify, ca_file=ca_file, receive_buffer=receive_buffer)


OURS = {
    errno.EMFILE: "connect: out of descriptors",
    errno.ENFILE: "connect: out of descriptors",
    errno.EADDRNOTAVAIL: "connect: out of local ports",
    errno.ENOBUFS: "connect: out of memory",
    errno.ENOMEM: "connect: out of memory",
    errno.EPERM: "connect: not permitted",
}
"""What this machine and not the server is the limit of."""
exhausted: Counter[str] = Counter()
"""Of this process so far: what was missing, how often. It is the whole process that runs out."""
THEIRS = {
    errno.ECONNREFUSED: "connect: refused",
    errno.ECONNRESET: "connect: connection reset",
    errno.EPIPE: "connect: connection reset",
    errno.ECONNABORTED: "connect: connection reset",
    errno.ETIMEDOUT: "connect: timeout: TCP",
    errno.EHOSTUNREACH: "connect: unreachable",
    errno.ENETUNREACH: "connect: unreachable",
    errno.ENETDOWN: "connect: unreachable",
    errno.EHOSTDOWN: "connect: unreachable",
    errno.EAFNOSUPPORT: "connect: unreachable",
    errno.EACCES: "connect: unreachable",
}


def dial(address: Address, sink: TransportSink, timeout: float, resumption: Resumption | None = None) -> Transport:
    """Connect to the first address of a name that accepts, within `timeout` seconds for all of it together.

    Blocks the calling greenlet only. `resumption` carries the TLS session from one connection to the next.

    Raises:
        ConnectFailed: with the name of the step that failed; of several addresses, the last one's.
    """
    deadline = time.monotonic() + timeout
    try:
        sock = _connect(_resolve(address, timeout), deadline, address.receive_buffer)
    except OSError as exc:
        raise _failure(exc) from None
    try:
        tls = _secure(sock, address, deadline, resumption) if address.tls else None
        return Transport(sock, sink, tls)
    except BaseException:  # also a greenlet that is killed
        sock.close()
        raise


def _failure(exc: OSError) -> ConnectFailed:
    code = exc.errno or 0
    if code in OURS:
        if code != errno.EPERM:
            exhausted[OURS[code]] += 1
        return ConnectFailed(OURS[code], ours=True)
    return ConnectFailed(THEIRS.get(code, "connect: socket error"))


@lru_cache(maxsize=64)
def _literal(host: str, port: int) -> list[tuple[Any, ...]] | None:
    """An address that need not be looked up; None: it is a name."""
    try:
        version = ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
    if "%" in host:
        return None
    family = gevent.socket.AF_INET6 if version == 6 else gevent.socket.AF_INET  # noqa: PLR2004 - IPv6
    return [(int(family), (host, port))]


def _resolve(address: Address, timeout: float) -> list[tuple[Any, ...]]:
    """What getaddrinfo says, in its order; a literal address is not looked up."""
    host = address.host
    literal = _literal(host, address.port)
    if literal is not None:
        return literal
    try:
        host.encode("idna")  # gevent would print what the resolver's thread raises
        with gevent.Timeout(timeout, ConnectFailed("connect: timeout: DNS")):
            found = gevent.socket.getaddrinfo(host, address.port, type=gevent.socket.SOCK_STREAM)
    except (gevent.socket.gaierror, UnicodeError):
        raise ConnectFailed("connect: DNS") from None
    return [(family, where) for family, _, _, _, where in found]


def _connect(candidates: list[tuple[Any, ...]], deadline: float, receive_buffer: int | None) -> Any:
    """The first that accepts; each may take an equal part of the time left, so that a dead one leaves some."""
    failure: OSError | None = None
    for left, (family, where) in zip(range(len(candidates), 0, -1), candidates, strict=True):
        sock = None
        try:
            sock = new_socket(family, gevent.socket.SOCK_STREAM, 0)
            sock.settimeout(0.0)
            if receive_buffer is not None:  # before connecting: the window's scale is agreed upon with the SYN (tcp(7))
                sock.setsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_RCVBUF, receive_buffer)
                sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_MAXSEG, ETHERNET)
            _connect_one(sock, where, max(0.001, (deadline - time.monotonic()) / left))
            sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
        except OSError as exc:
            failure = exc
        else:
            connected, sock = sock, None
            return connected
        finally:
            if sock is not None:
                sock.close()
    raise failure or ConnectFailed("connect: DNS")


def _connect_one(sock: Any, where: tuple[Any, ...], seconds: float) -> None:
    """Raises OSError; ETIMEDOUT after `seconds`."""
    code = sock.connect_ex(where)
    if code == errno.EINPROGRESS:
        if not _wait(sock, WRITE, seconds):
            raise OSError(errno.ETIMEDOUT, "")
        code = sock.getsockopt(gevent.socket.SOL_SOCKET, gevent.socket.SO_ERROR)
    if code:
        raise OSError(code, "")


def _wait(sock: Any, event: int, seconds: float) -> bool:
    """Block this greenlet until the socket is ready; False: it was not in time."""
    hub = get_hub()
    waiter: Any = Waiter(hub)
    watcher, timer = hub.loop.io(sock.fileno(), event), hub.loop.timer(seconds)
    try:
        watcher.start(waiter.switch, READY)
        timer.start(waiter.switch, None, update=True)
        return waiter.get() is READY
    finally:
        watcher.stop()
        watcher.close()
        timer.close()


def _secure(sock: Any, address: Address, deadline: float, resumption: Resumption | None) -> TlsLayer:
    try:
        context = client_context(address.verify, address.ca_file)
    except OSError:  # SSLError is one
        raise ConnectFailed("connect: TLS: CA file", ours=True) from None
    try:
        tls = TlsLayer(context, address.host, resumption)
        _shake_hands(sock, tls, deadline)
    except TimeoutError:
        raise ConnectFailed("connect: timeout: TLS") from None
    except ssl.SSLCertVerificationError:
        raise ConnectFailed("connect: TLS: certificate") from None
    except (ssl.SSLError, ValueError):  # ValueError: a name that cannot be one (too long a label)
        raise ConnectFailed("connect: TLS: handshake") from None
    except OSError as exc:
        raise _failure(exc) from None
    return tls


def _shake_hands(sock: Any, tls: TlsLayer, deadline: float) -> None:
    """Carry bytes to and fro until both sides are done (RFC 8446, 4).

    Raises:
        TimeoutError, OSError, ssl.SSLError: it failed; the alert that says why was sent.
    """
    while True:
        try:
            done = tls.shake_hands()
        except ssl.SSLError:
            with suppress(OSError):
                sock.send(tls.to_send())
            raise
        _send_all(sock, tls.to_send(), deadline)
        if done:
            return
        _await(sock, READ, deadline)
        tls.feed(sock.recv(READ_BYTES))


def _send_all(sock: Any, data: bytes, deadline: float) -> None:
    while data:
        try:
            data = data[sock.send(data) :]
        except BlockingIOError:
            _await(sock, WRITE, deadline)


def _await(sock: Any, event: int, deadline: float) -> None:
    if not _wait(sock, event, max(0.001, deadline - time.monotonic())):
        raise TimeoutError
