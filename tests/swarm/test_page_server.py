"""swarm/page_server.py, page_requests.py: a real server on a real port; peers that are slow, silent, greedy or mad."""

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from certificates import make_certificate
from flask import Flask, Response, request
from programs import until

from loadtest.errors import UsageError
from loadtest.swarm import page_requests, page_server
from loadtest.swarm.page_seats import Closed, Limits
from loadtest.swarm.page_server import PageServer, limits_of, server_for

GET = b"GET /ok HTTP/1.1\r\nHost: here\r\n"
FOREVER_S = 3600.0
LARGE = bytes(8 * 2**20)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Nothing has an end, but what a test sets; who is overdue is noticed soon."""
    for name in ("HEAD_S", "BODY_S", "IDLE_S", "STALL_S", "SPARE_S"):
        monkeypatch.setattr(page_requests, name, FOREVER_S)
    monkeypatch.setattr(page_server, "LOOK_S", 0.02)

    def set_to(**seconds: float) -> None:
        for name, value in seconds.items():
            monkeypatch.setattr(page_requests, name, value)

    return set_to


class Page:
    """A server in this process, and its application's view of what came."""

    def __init__(self, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self.seen: list[tuple[str, bytes]] = []
        app = Flask("page")

        @app.before_request
        def note() -> None:
            self.seen.append((request.method + " " + request.path, request.get_data()))

        app.add_url_rule("/ok", "ok", lambda: "fine", methods=["GET", "POST"])
        app.add_url_rule("/large", "large", lambda: Response(LARGE))
        app.add_url_rule("/slow", "slow", lambda: Response(self._slowly()))
        self.server = PageServer(("127.0.0.1", 0), app, limits, Closed(time.monotonic), tls)
        self.server.start()

    @staticmethod
    def _slowly() -> Iterator[str]:
        for number in range(5):
            gevent.sleep(0.1)
            yield f"{number}"

    @property
    def open(self) -> int:
        return self.server.seats.count

    @property
    def why(self) -> dict[str, int]:
        return dict(self.server.closed_on.why)

    def connect(self, data: bytes = b"") -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.server.server_port), timeout=20)
        made.sendall(data)
        return made


@contextmanager
def page(limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Page]:
    made = Page(limits or Limits(), tls)
    try:
        yield made
    finally:
        made.server.stop()


def answer(peer: socket.socket) -> bytes:
    """All that comes until the server closes."""
    got = bytearray()
    try:
        while piece := peer.recv(1 << 16):
            got += piece
    except ConnectionError:
        pass
    return bytes(got)


def closing(head: bytes = GET, body: bytes = b"") -> bytes:
    return head + b"Connection: close\r\n\r\n" + body


def test_who_asks_is_answered_while_a_thousand_of_its_address_say_nothing() -> None:
    with page(Limits(100, 20)) as it, ExitStack() as stack:
        for number in range(1000):
            stack.enter_context(it.connect(GET if number % 2 else b""))
        with it.connect(closing()) as peer:
            assert answer(peer).endswith(b"fine")
        until(lambda: it.open <= 20, "their end")
        assert it.why["in favour of others of their address"] >= 980
        assert len(it.seen) == 1


def test_it_has_no_more_connections_than_it_may_have_whoever_they_are_of() -> None:
    with page(Limits(10, 10)) as it, ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(it.connect(GET))
        with it.connect(closing()) as peer:
            assert answer(peer).endswith(b"fine")
        assert it.open <= 10


@pytest.mark.parametrize("trickle", [b"", b"X: y\r\n"])
def test_a_request_has_to_end_in_time_however_it_is_spread(
    patience: Callable[..., None], trickle: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    patience(HEAD_S=0.5)
    with page() as it, it.connect(GET) as peer:
        began = time.monotonic()

        def send() -> None:
            while trickle:
                peer.sendall(trickle)
                gevent.sleep(0.05)

        sending = gevent.spawn(send)
        assert answer(peer) in (b"", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        assert time.monotonic() - began >= 0.4
        sending.kill()
        assert (it.seen, it.why) == ([], {"with half a request": 1})
    assert "Traceback" not in capfd.readouterr().err


def test_half_a_request_is_none() -> None:
    """Of half the headers pywsgi makes a request: one without, say, the header that forbids it."""
    with page() as it:
        for half in (b"GET /ok HTTP/1.1\r\nHost: here\r\nOri", b"GET /ok HTTP/1.1\r\nHost: here\r\n", b"GET /ok"):
            with it.connect(half) as peer:
                peer.shutdown(socket.SHUT_WR)
                assert b"fine" not in answer(peer)
        assert it.seen == []


def test_a_body_has_to_end_in_time(patience: Callable[..., None]) -> None:
    patience(BODY_S=0.3)
    head = b"POST /ok HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n12345"
    with page() as it, it.connect(head) as peer:
        answer(peer)
        assert it.seen == []
        assert "with half a body" in it.why


def test_a_body_is_read_whole_and_the_next_request_after_it() -> None:
    body = b"x" * 200_000
    head = b"POST /ok HTTP/1.1\r\nHost: here\r\nContent-Length: %d\r\n" % len(body)
    with page() as it, it.connect(head + b"Expect: 100-continue\r\n\r\n") as peer:
        assert peer.recv(100).startswith(b"HTTP/1.1 100 Continue")
        peer.sendall(body + closing())
        assert answer(peer).count(b"fine") == 2
        assert it.seen == [("POST /ok", body), ("GET /ok", b"")]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST /ok HTTP/1.1\r\nHost: here\r\nContent-Length: 262145\r\n\r\n", b"413"),
        (b"POST /ok HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n", b"411"),
        (b"POST /ok HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST /ok HTTP/1.1\r\nHost: here\r\nContent-Length: x\r\n\r\n", b"400"),
        (GET + b"X: %b\r\n\r\n" % (b"y" * 60_000), b"200"),
        (GET + b"X: %b\r\n" % (b"y" * 60_000) + b"Y: %b\r\n\r\n" % (b"y" * 60_000), b"431"),
        (GET + b"X: y\r\n" * 101 + b"\r\n", b"400"),
        (GET + b"X: y\r\n folded\r\n\r\n", b"400"),
        (GET + b"no header\r\nX: y\r\n\r\n", b"400"),  # the ones behind it would be left out
        (GET + b"X : y\r\n\r\n", b"400"),
        (GET + b"X: \0\r\n\r\n", b"400"),
        (GET + b"X: y\rZ: z\r\n\r\n", b"400"),
        (GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n12", b"400"),
        (GET + b"Content-Length: 1_0\r\n\r\n1234567890", b"400"),
        (GET + b"X:\r\nY: \xff\r\n\r\n", b"200"),
        (b"GET /%b HTTP/1.1\r\n\r\n" % (b"x" * 9000), b"414"),
        (b"GET /?token=swordfish HTTP/1\r\n\r\n", b"400"),
        (b"GET /?token=swordfish HTTP/x.y\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
        (b"token swordfish\r\n\r\n", b"400"),
    ],
)
def test_what_is_too_much_or_no_request_is_refused_without_a_word_of_it_in_the_log(
    request_: bytes, status: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with page() as it, it.connect(request_) as peer:
        peer.shutdown(socket.SHUT_WR)
        assert answer(peer).split()[1] == status
        assert len(it.seen) == (status == b"200")
    said = caplog.text + "".join(capfd.readouterr())
    assert "swordfish" not in said
    assert "Traceback" not in said


def test_a_connection_is_kept_for_the_next_request_and_not_for_ever(patience: Callable[..., None]) -> None:
    patience(IDLE_S=0.4)
    with page() as it, it.connect(GET + b"\r\n") as peer:
        gevent.sleep(0.05)
        peer.sendall(GET + b"\r\n")
        assert answer(peer).count(b"fine") == 2
        assert it.why == {}
        until(lambda: it.open == 0, "its end")


def test_a_request_after_an_idle_time_has_its_own_time(patience: Callable[..., None]) -> None:
    patience(HEAD_S=0.4)
    with page() as it, it.connect(GET + b"\r\n") as peer:
        until(lambda: len(it.seen) == 1, "the first")
        gevent.sleep(0.6)
        peer.sendall(closing())
        assert answer(peer).count(b"fine") == 2


def test_an_answer_may_take_longer_than_anything_else(patience: Callable[..., None]) -> None:
    patience(HEAD_S=0.1, BODY_S=0.1, IDLE_S=0.1)
    with page() as it, it.connect(closing(b"GET /slow HTTP/1.1\r\nHost: here\r\n")) as peer:
        assert b"4" in answer(peer)[-20:]
        assert it.why == {}


def test_a_large_answer_is_not_cut_while_it_is_taken_however_slowly(patience: Callable[..., None]) -> None:
    patience(STALL_S=1.0)
    with page() as it, it.connect(closing(b"GET /large HTTP/1.1\r\nHost: here\r\n")) as peer:
        began, got = time.monotonic(), 0
        while piece := peer.recv(1 << 18):
            got += len(piece)
            gevent.sleep(0.05)
        assert got > len(LARGE)
        assert time.monotonic() - began > 1.0, "too fast to show anything"
        assert it.why == {}


def test_an_answer_that_nobody_takes_is_ended(patience: Callable[..., None], capfd: pytest.CaptureFixture[str]) -> None:
    patience(STALL_S=0.3)
    with page() as it, it.connect(closing(b"GET /large HTTP/1.1\r\nHost: here\r\n")):
        until(lambda: it.why == {"whose answer was not taken": 1}, "its end")
        until(lambda: it.open == 0, "its place")
    assert "Traceback" not in capfd.readouterr().err


def test_who_takes_no_answers_makes_room_for_who_does(patience: Callable[..., None]) -> None:
    patience(SPARE_S=0.2)
    with page(Limits(4, 4)) as it, ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(it.connect(closing(b"GET /large HTTP/1.1\r\nHost: here\r\n")))

        def asked() -> bool:
            with it.connect(closing()) as peer:
                return answer(peer).endswith(b"fine")

        until(asked, "an answer")
        assert it.why["in favour of others of their address"] == 1


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path)


def tls_of(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def asked_by_tls(it: Page, certificate: Path) -> bytes:
    context = ssl.create_default_context(cafile=str(certificate))
    with it.connect() as plain, context.wrap_socket(plain, server_hostname="localhost") as peer:
        peer.sendall(closing())
        return answer(peer)


def test_handshakes_that_do_not_end_are_ended_and_keep_nobody_out(
    patience: Callable[..., None], certificate: Path
) -> None:
    with page(Limits(100, 20), tls_of(certificate)) as it, ExitStack() as stack:
        for number in range(200):
            stack.enter_context(it.connect(b"\x16\x03\x01\x02\x00\x01" if number % 2 else b""))
        assert asked_by_tls(it, certificate).endswith(b"fine")
        assert 0 < it.open <= 20
    patience(HEAD_S=0.3)
    with page(tls=tls_of(certificate)) as it, it.connect(b"\x16\x03\x01\x02\x00\x01") as peer:
        answer(peer)
        until(lambda: it.open == 0, "its place")


def test_a_failed_handshake_and_a_download_that_is_left_write_no_traceback(
    certificate: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with page(tls=tls_of(certificate)) as it:
        with it.connect(b"GET / HTTP/1.1\r\n\r\n") as peer:
            answer(peer)
        context = ssl.create_default_context(cafile=str(certificate))
        with it.connect() as plain, context.wrap_socket(plain, server_hostname="localhost") as tls:
            tls.sendall(b"GET /large HTTP/1.1\r\nHost: here\r\n\r\n")
            tls.recv(1000)
        until(lambda: it.open == 0, "both ends")
        assert it.why["that failed to shake hands"] == 1
    assert capfd.readouterr().err == ""


def test_the_environment_sets_how_many_there_may_be() -> None:
    assert limits_of({}) == Limits(512, 64)
    given = {"LOADTEST_WEB_CONNECTIONS": "2000", "LOADTEST_WEB_CONNECTIONS_PER_ADDRESS": "1000"}
    assert limits_of(given) == Limits(2000, 1000)
    for name in given:
        for wrong in ("0", "-1", "x", "1.5"):
            with pytest.raises(UsageError, match=name):
                limits_of({name: wrong})


def test_locusts_page_is_served_by_it_with_its_certificate(certificate: Path) -> None:
    app = Flask("locust")
    app.add_url_rule("/ok", "ok", lambda: "fine")
    for file in (None, str(certificate)):
        web_ui: Any = SimpleNamespace(host="127.0.0.1", port=0, app=app, tls_cert=file, tls_key=file)
        server = server_for(web_ui, Limits(), Closed(time.monotonic))()
        assert isinstance(server, PageServer)
        assert server.ssl_enabled is (file is not None)
