"""WebSocket servers that break one rule each, as scripts for `http_server.serving`: one function for each misdeed."""

import base64
import hashlib
import struct
from typing import Any

import gevent
from support.http_server import Peer

__all__ = ["frame", "upgrade"]

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def frame(first: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """A frame with this first byte; `length` may lie about the payload's."""
    size = len(payload) if length is None else length
    if size < 126:
        return bytes([first, size]) + payload
    if size < 65536:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def accepted(peer: Peer, *headers: bytes) -> bytes:
    """Read the request; the answer that accepts it, with more headers."""
    key = next(
        line.split(b":", 1)[1].strip() for line in peer.read_request().split(b"\r\n") if b"WebSocket-Key" in line
    )
    proof = base64.b64encode(hashlib.sha1(key + GUID).digest())  # noqa: S324 - RFC 6455, 4.2.2
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + proof,
        *headers,
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def upgrade(peer: Peer, *headers: bytes) -> None:
    """Accept the upgrade, as every well-behaved server does."""
    peer.send(accepted(peer, *headers))


def says(data: bytes) -> Any:
    """After a good upgrade: these bytes, then nothing until the client leaves."""

    def script(peer: Peer) -> None:
        upgrade(peer)
        peer.send(data)
        peer.wait_closed()

    return script


def answers(data: bytes) -> Any:
    """These bytes in answer to the request, then nothing until the client leaves."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(data)
        peer.wait_closed()

    return script


# -- at the upgrade ---------------------------------------------------------------------------------------------------


def accept_and_be_silent(peer: Peer) -> None:
    peer.wait_closed()


def hang_up_before_the_answer(peer: Peer) -> None:
    peer.read_request()


def reset_before_the_answer(peer: Peer) -> None:
    peer.read_request()
    peer.reset()


def answer_half_and_be_silent(peer: Peer) -> None:
    peer.send(accepted(peer)[:-2])
    peer.wait_closed()


def dribble_the_answer(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\nX: ")
    while True:
        peer.send(b"x")
        gevent.sleep(0.01)


def flood_the_answer(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 101 Switching Protocols\r\n")
    while True:
        peer.send(b"X: " + b"x" * 4000 + b"\r\n")


def answer_another_key(peer: Peer) -> None:
    peer.send(accepted(peer).replace(b"Accept: ", b"Accept: x"))
    peer.wait_closed()


def pick_an_extension_that_was_not_offered(peer: Peer) -> None:
    upgrade(peer, b"Sec-WebSocket-Extensions: permessage-deflate")
    peer.wait_closed()


def pick_a_subprotocol_that_was_not_offered(peer: Peer) -> None:
    upgrade(peer, b"Sec-WebSocket-Protocol: chat")
    peer.wait_closed()


# -- on an open connection --------------------------------------------------------------------------------------------


def fragment_without_end(peer: Peer) -> None:
    upgrade(peer)
    peer.send(frame(0x01, b"x"))
    while True:
        peer.send(frame(0x00, b"x" * 50_000))


def ping_without_end_and_read_nothing(peer: Peer) -> None:
    upgrade(peer)
    while True:
        peer.send(frame(0x89, b"x" * 125) * 100)


def hang_up(peer: Peer) -> None:
    upgrade(peer)


def hang_up_in_mid_frame(peer: Peer) -> None:
    upgrade(peer)
    peer.send(frame(0x81, b"half", length=8))


def reset(peer: Peer) -> None:
    upgrade(peer)
    gevent.sleep(0.05)  # so that the answer is read before the reset destroys it
    peer.reset()


def close_and_be_silent(peer: Peer) -> None:
    """A Close, and the server's end of the stream stays open: the client must not wait for it for ever."""
    upgrade(peer)
    peer.send(frame(0x88, struct.pack("!H", 1011) + b"out of cheese"))
    peer.wait_closed()


def never_answer_a_close(peer: Peer) -> None:
    upgrade(peer)
    peer.wait_closed()


def answer_a_close_by_hanging_up(peer: Peer) -> None:
    upgrade(peer)
    peer.sock.recv(1000)


def send_data_before_answering_a_close(peer: Peer) -> None:
    upgrade(peer)
    peer.sock.recv(1000)
    peer.send(frame(0x81, b"late") + frame(0x82, b"later"))
    peer.send(frame(0x88, struct.pack("!H", 1000)) + frame(0x81, b"too late"))
    peer.wait_closed()
