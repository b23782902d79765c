"""Peers that no cluster wants: half-open connections, false and mad workers, and requests that no page sends."""

import http.client
import random
import socket
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import zmq
from zmq.utils import z85

from loadtest.credentials import ClusterKey

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
"""What a ZeroMQ peer that wants CURVE says first (rfc.zeromq.org/spec/23), 64 bytes."""


@contextmanager
def half_open(port: int, says: Mapping[str, bytes], each: int, sources: int = 1) -> Iterator[list[socket.socket]]:
    """`each` connections for every one of `says`, from so many addresses of this machine; what they say is no more."""
    with ExitStack() as stack:
        made = []
        for number in range(each):
            for data in says.values():
                source = (f"127.0.0.{10 + number % sources}", 0)
                peer = stack.enter_context(socket.create_connection(("127.0.0.1", port), 30, source))
                made.append(peer)
                with suppress(ConnectionError):  # it may be closed already
                    peer.sendall(data)
        yield made


def descriptors(pid: int) -> int:
    """How many a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


class Peer:
    """A ZeroMQ peer that says what it likes to a control port; with `key` it may."""

    def __init__(self, port: int, identity: str, key: str | None = None) -> None:
        self.identity = identity
        self._context: zmq.Context[Any] = zmq.Context()
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        if key is not None:
            derived = ClusterKey.derive(key)
            self.socket.curve_serverkey = zmq.curve_public(z85.encode(derived.server))
            self.socket.curve_secretkey = z85.encode(derived.client)
            self.socket.curve_publickey = zmq.curve_public(z85.encode(derived.client))
        self.socket.connect(f"tcp://127.0.0.1:{port}")

    def say(self, kind: Any, data: Any = None, who: Any = None) -> bool:
        """A message as Locust makes them; `who` sent it, this peer if nobody else is named. False: it can't be sent."""
        try:
            self.socket.send(msgpack.dumps((kind, data, self.identity if who is None else who)), zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def hears(self, milliseconds: int = 0) -> list[str]:
        """The kinds of what it was told, once there has been nothing for so long."""
        kinds = []
        while self.socket.poll(milliseconds):
            kinds.append(msgpack.loads(self.socket.recv(), strict_map_key=False)[0])
        return kinds

    def close(self) -> None:
        """Go."""
        self._context.destroy(linger=0)


METHODS = ("GET", "POST", "POST", "OPTIONS", "PUT", "TRACE", "X", "get")
PATHS = (
    *(
        "/",
        "//",
        "*",
        "/%",
        "/login",
        "/login?once=%ff",
        "/login?next=//evil",
        "/session",
        "/logout",
        "/stop",
        "/swarm",
    ),
    *("/metrics", "/api/v1/status", "/api/v1/timeline?since=x", "/api/v1/runs/%2e%2e/bundle.zip", "/stats/report"),
    *("/assets/%00", "/loadtest/../x", "http://evil.example/", "/healthz", "/?" + "a=1&" * 1500),
)
HEADERS = (
    *(
        "Host: [",
        "Host: a b",
        "Host: 127.0.0.1:x",
        "Host: \xff",
        "Host:",
        "Origin: http://[",
        "Origin: null",
        "Origin: \xff",
    ),
    *(
        "Origin: http://a:99999999",
        "Cookie: =;;=",
        "Cookie: loadtest=\xff",
        "Cookie: session=.eJw",
        "Authorization: Bearer",
    ),
    *(
        "Authorization: Bearer \xff",
        "Authorization: Basic x",
        "Content-Length: 5 5",
        "Content-Length: 99999999999999999999",
    ),
    *(
        "Content-Length: -1",
        "Content-Length: 1_0",
        "Transfer-Encoding: gzip",
        "Connection: upgrade",
        "Upgrade: websocket",
    ),
    *(
        "Expect: 100-continue",
        "Content-Type: multipart/form-data",
        "Content-Type: \xff",
        "X: y\r\n folded",
        "no header",
        ": x",
    ),
    *("X\0: y", "X: \0", "X-Forwarded-Proto: \xff", "Range: bytes=9-1", "If-None-Match: \xff", "Sec-Fetch-Site: \xff"),
)
BODIES = (b"", b"user=a&password=b", b"\xff\xfe", b"--x\r\n\r\n", b"[" * 50_000, b"user_count=x&host=http://[")


def nonsense(chance: random.Random, canary: str) -> bytes:
    """A request that may be none, with `canary` in it somewhere."""
    if chance.random() < 0.1:
        return canary.encode() + chance.randbytes(100) + b"\r\n\r\n"
    body = chance.choice(BODIES)
    lines = [f"{chance.choice(METHODS)} {chance.choice(PATHS)} HTTP/1.{chance.choice('01')}", f"X-Token: {canary}"]
    lines += chance.sample(HEADERS, chance.randint(0, 3))
    lines += ["Host: 127.0.0.1"] * chance.randint(0, 1) + [f"Content-Length: {len(body)}"] * chance.randint(0, 1)
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1") + body


def send(port: int, data: bytes) -> bytes:
    """The first line of what the page answers, if anything."""
    with socket.create_connection(("127.0.0.1", port), 30) as peer:
        with suppress(OSError):  # it was refused after its first bytes, and the connection closed
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError):
            return peer.recv(4096).partition(b"\r\n")[0]
    return b""


class Answer(NamedTuple):
    """What the page answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes


def ask(
    port: int, method: str, path: str, headers: Mapping[str, str], source: str = "127.0.0.1", **form: str
) -> Answer:
    """A request to the page, with a form's fields if there are any, from an address of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30, source_address=(source, 0))
    body = urllib.parse.urlencode(form) if form else None
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    try:
        connection.request(method, path, body, {**kind, **headers})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
