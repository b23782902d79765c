"""frames/offer.py: what it accepts by itself, the websockets library accepts as well; the rest is the library's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.headers import build_host
from websockets.http11 import Request
from websockets.server import ServerProtocol

from loadtest.errors import ConnectFailed
from loadtest.frames import Handshake, offer
from loadtest.frames.offer import is_plainly_accepted

URL = "ws://localhost:8000/ws?token=secret"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
HEAD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)  # RFC 6455, 1.3


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b""),  # as it stands in the RFC
        (b"Upgrade: websocket", b"upgrade:WebSocket "),  # names and the token are case-insensitive, spaces optional
        (b"\r\n\r\n", b"\r\nDate: today\r\nServer: x\r\n\r\n"),  # what does not matter
        (b" Switching Protocols", b""),  # the reason is optional for us, and for the library
    ],
)
def test_the_usual_answer_is_accepted_without_the_library(old: bytes, new: bytes) -> None:
    head = HEAD.replace(old, new, 1)
    assert is_plainly_accepted(head, KEY)


UNUSUAL = [
    (b"101", b"200"),  # no upgrade
    (b"HTTP/1.1", b"HTTP/1.0"),  # the library refuses it
    (b"xOo=", b"xOO="),  # another key's answer
    (b"Upgrade: websocket\r\n", b""),  # a header too few
    (b"Connection: Upgrade", b"Connection: keep-alive, Upgrade"),  # right, but a list
    (b"\r\n\r\n", b"\r\nUpgrade: h2c\r\n\r\n"),  # twice
    (b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),  # to be compared with what was offered
    (b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),  # the same
    (b"\r\n\r\n", b"\r\nContent-Length: 5\r\n\r\n"),  # a body?
    (b"\r\n\r\n", b"\r\n folded\r\n\r\n"),  # obsolete folding
    (b"\r\n\r\n", b"\r\nX: \xff\r\n\r\n"),  # not ASCII
    (b"\r\n\r\n", b"\r\nno header\r\n\r\n"),  # no colon
    (b"\r\n\r\n", b"\r\nX: " + b"x" * 9000 + b"\r\n\r\n"),  # the library has limits
    (b"\r\n\r\n", b"\r\n" + b"X-1: y\r\n" * 1 + b"X-1: y\r\n\r\n"),  # a header given twice
]


@pytest.mark.parametrize(("old", "new"), UNUSUAL)
def test_anything_unusual_is_left_to_the_library(old: bytes, new: bytes) -> None:
    assert not is_plainly_accepted(HEAD.replace(old, new, 1), KEY)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(HEAD) - 5), st.sampled_from(b'\0\t :,;\r\nUux1"\xff')), max_size=2))
def test_whatever_is_accepted_here_is_accepted_by_the_library(edits: list[tuple[int, int]]) -> None:
    head = bytearray(HEAD)
    for at, byte in edits:
        head[at] = byte
    if not is_plainly_accepted(bytes(head), KEY):
        return
    protocol = offer(URL).connecting(KEY)
    protocol.receive_data(bytes(head))
    assert protocol.handshake_exc is None
    assert (protocol.extensions, protocol.subprotocol) == ([], None)


def test_each_upgrade_has_a_key_of_its_own_and_the_rest_in_common() -> None:
    first, second = Handshake(offer(URL)), Handshake(offer(URL))
    assert offer(URL) is offer(URL)
    assert first.request != second.request
    assert len(first.request) == len(second.request)
    server = ServerProtocol()
    server.receive_data(first.request)
    (request,) = server.events_received()
    assert isinstance(request, Request)
    assert request.headers["Host"] == build_host("localhost", 8000, secure=False)


def test_a_key_among_the_callers_headers_is_sent_and_then_the_answer_is_not_ours() -> None:
    handshake = Handshake(offer(URL, headers=(("Sec-WebSocket-Key", KEY.decode()),)))
    assert handshake.request.count(b"Sec-WebSocket-Key: " + KEY) == 1
    with pytest.raises(ConnectFailed, match=r"^connect: wrong Sec-WebSocket-Accept$"):
        handshake.receive(HEAD)
