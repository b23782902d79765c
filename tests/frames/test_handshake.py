from collections.abc import Callable

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol

from loadtest.errors import ConnectFailed
from loadtest.frames import Handshake, offer

URL = "ws://localhost:8000/ws?token=secret"


def answered(handshake: Handshake, server: ServerProtocol) -> bytes:
    """What a server of the websockets library answers."""
    server.receive_data(handshake.request)
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    return b"".join(server.data_to_send())


def headers_of(handshake: Handshake) -> Headers:
    server = ServerProtocol()
    server.receive_data(handshake.request)
    (request,) = server.events_received()
    assert isinstance(request, Request)
    return request.headers


ANSWER = answered(Handshake(offer(URL)), ServerProtocol())


@pytest.mark.parametrize("cut", range(0, len(ANSWER), 7))
def test_an_accepted_upgrade_returns_what_followed_it_wherever_it_is_split(cut: int) -> None:
    handshake = Handshake(offer(URL))
    data = answered(handshake, ServerProtocol()) + b"\x81\x02hi"
    rest = handshake.receive(data[:cut])
    assert rest is None
    assert handshake.receive(memoryview(data)[cut:]) == b"\x81\x02hi"


def test_an_answer_may_come_byte_by_byte() -> None:
    handshake = Handshake(offer(URL))
    data = answered(handshake, ServerProtocol())
    assert [handshake.receive(data[i : i + 1]) for i in range(len(data))] == [None] * (len(data) - 1) + [b""]


def test_the_request_says_what_was_asked_for() -> None:
    handshake = Handshake(
        offer(URL, headers=(("Cookie", "a=1"), ("User-Agent", "me"), ("host", "other")), subprotocols=("a", "b"))
    )
    assert handshake.request.startswith(b"GET /ws?token=secret HTTP/1.1\r\n")
    headers = headers_of(handshake)
    assert (headers["Cookie"], headers["User-Agent"], headers["Host"]) == ("a=1", "me", "other")
    assert headers["Sec-WebSocket-Protocol"] == "a, b"
    assert "Sec-WebSocket-Extensions" not in headers


def test_an_ipv6_host_is_bracketed_in_the_host_header() -> None:
    assert headers_of(Handshake(offer("ws://[::1]:81/")))["Host"] == "[::1]:81"


def test_the_chosen_subprotocol_is_known() -> None:
    handshake = Handshake(offer(URL, subprotocols=("a", "b")))
    handshake.receive(answered(handshake, ServerProtocol(subprotocols=["b"])))  # type: ignore[list-item]
    assert handshake.subprotocol == "b"


def test_interim_answers_are_skipped() -> None:
    handshake = Handshake(offer(URL))
    answer = answered(handshake, ServerProtocol())
    early = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    assert handshake.receive(early + early + answer[:10]) is None
    assert handshake.receive(answer[10:] + b"rest") == b"rest"


def edited(*changes: tuple[bytes, bytes]) -> Callable[[bytes], bytes]:
    def edit(answer: bytes) -> bytes:
        for old, new in changes:
            assert old in answer
            answer = answer.replace(old, new)
        return answer

    return edit


END = b"\r\n\r\n"
REFUSALS: list[tuple[str, int | None, Callable[[bytes], bytes]]] = [
    ("connect: HTTP 403", 403, lambda _: b"HTTP/1.1 403 Forbidden\r\nContent-Length: 900\r\n\r\n"),  # body never comes
    ("connect: HTTP 500", 500, lambda _: b"HTTP/1.0 500\r\n\r\n"),  # an old server, without a reason phrase
    ("connect: HTTP 200", 200, lambda _: b"HTTP/1.1 200 OK\r\n\r\n<html>"),  # a plain web server
    ("connect: redirect", 302, lambda _: b"HTTP/1.1 302 Found\r\nLocation: ws://evil/\r\n\r\n"),  # never followed
    ("connect: redirect", 308, lambda _: b"HTTP/1.1 308 Permanent Redirect\r\nLocation: /\r\n\r\n"),  # not even here
    ("connect: not a WebSocket answer", None, lambda _: b"SSH-2.0-OpenSSH_9.6\r\n"),  # another protocol
    (
        "connect: not a WebSocket answer",
        None,
        lambda _: b"\x16\x03\x01\x02\x00",
    ),  # TLS, at once and not after a timeout
    ("connect: not a WebSocket answer", None, lambda _: b"HTTP/1.1 abc\r\n\r\n"),  # no status
    ("connect: not a WebSocket answer", None, edited((b"HTTP/1.1", b"HTTP/1.0"))),  # RFC 6455, 4.2.2: 1.1 or higher
    ("connect: not a WebSocket answer", None, edited((b"Upgrade: websocket\r\n", b""))),  # RFC 6455, 4.1
    ("connect: not a WebSocket answer", None, edited((b"Connection: Upgrade\r\n", b"Connection: close\r\n"))),
    ("connect: not a WebSocket answer", None, edited((b"Upgrade: websocket", b"Upgrade websocket"))),  # no header line
    ("connect: wrong Sec-WebSocket-Accept", None, edited((b"Accept: ", b"Accept: x"))),  # answers someone else's key
    ("connect: wrong Sec-WebSocket-Accept", None, edited((b"Sec-WebSocket-Accept", b"X"))),  # or none
    ("connect: extension not offered", None, edited((END, b"\r\nSec-WebSocket-Extensions: permessage-deflate" + END))),
    ("connect: subprotocol not offered", None, edited((END, b"\r\nSec-WebSocket-Protocol: chat" + END))),
    ("connect: header too large", None, lambda _: b"HTTP/1.1 101 x\r\nA: " + b"x" * 40_000),  # a line without end
    ("connect: header too large", None, edited((END, b"\r\nA: " + b"x" * 9000 + END))),  # a line over 8 KiB
    ("connect: header too large", None, edited((END, b"\r\nA: b" * 200 + END))),  # more than 128 headers
    ("connect: header too large", None, lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 2000),  # interim answers, for ever
]


@pytest.mark.parametrize(("name", "status", "edit"), REFUSALS, ids=[f"{i}: {row[0]}" for i, row in enumerate(REFUSALS)])
def test_an_answer_that_is_no_upgrade_is_refused_under_its_name(
    name: str, status: int | None, edit: Callable[[bytes], bytes]
) -> None:
    handshake = Handshake(offer(URL))
    with pytest.raises(ConnectFailed) as caught:
        handshake.receive(edit(answered(handshake, ServerProtocol())))
    assert (caught.value.name, caught.value.status, caught.value.ours) == (name, status, False)


def test_a_subprotocol_that_is_not_among_those_offered_is_refused() -> None:
    handshake = Handshake(offer(URL, subprotocols=("a",)))
    answer = answered(handshake, ServerProtocol()).replace(END, b"\r\nSec-WebSocket-Protocol: chat" + END)
    with pytest.raises(ConnectFailed, match=r"^connect: subprotocol not offered$"):
        handshake.receive(answer)


@pytest.mark.parametrize("url", ["http://x/", "ws://", "ws://x:99999/", "ws://[::1/", "ws://u:p@x/", "ws://x/#f"])
def test_a_bad_url_is_our_failure_and_is_not_repeated(url: str) -> None:
    with pytest.raises(ConnectFailed, match=r"^connect: bad URL$") as caught:
        offer(url + "?token=secret")
    assert caught.value.ours


@pytest.mark.parametrize("header", [("A", "x\r\nB: y"), ("A", "snow\u2603")])  # an injection; not ISO 8859-1
def test_a_header_that_cannot_be_sent_is_our_failure(header: tuple[str, str]) -> None:
    with pytest.raises(ConnectFailed, match=r"^connect: bad header$") as caught:
        offer(URL, headers=(header,))
    assert caught.value.ours
