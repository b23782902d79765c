import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from ssl import TLSVersion
from typing import Any

import gevent
import gevent.socket
import pytest
from gevent.event import Event
from gevent.socket import AF_INET, AF_INET6, create_server, gaierror
from support.certificates import make_certificate, server_context
from support.http_server import Peer, serving
from support.leaks import nothing_left_open, settle

from loadtest.errors import ConnectFailed
from loadtest.swarm.dial import Address, _failure, dial
from loadtest.swarm.readers import NeverRepeated
from loadtest.swarm.tls import Resumption
from loadtest.swarm.transport import EOF, TLS_ERROR

MESSAGE = bytes(range(256)) * 2000


class Sink(NeverRepeated):
    """Keeps what a transport hands on."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.ends: list[str] = []
        self.news = Event()

    def data_received(self, buffer: bytearray, size: int, received: float, waited: float | None) -> None:  # noqa: ARG002 - a TransportSink
        self.received += buffer[:size]
        self.news.set()

    def ended(self, reason: str) -> None:
        self.ends.append(reason)
        self.news.set()

    def wait_for(self, size: int = 0, ends: int = 0) -> None:
        with gevent.Timeout(5):
            while len(self.received) < size or len(self.ends) < ends:
                self.news.clear()
                self.news.wait()


@pytest.fixture(autouse=True)
def no_descriptor_leaks() -> Iterator[None]:
    """Whatever a test does, it ends with as many descriptors as it began with."""
    with nothing_left_open():
        yield


def failure_of(address: Address, timeout: float = 5.0) -> ConnectFailed:
    with pytest.raises(ConnectFailed) as caught:
        dial(address, Sink(), timeout)
    return caught.value


def echo(peer: Peer) -> None:
    while data := peer.sock.recv(65536):
        peer.send(data)


def be_silent(peer: Peer) -> None:
    peer.wait_closed()


def resolves_to(monkeypatch: pytest.MonkeyPatch, *found: tuple[int, tuple[Any, ...]]) -> None:
    """Let every name resolve to these."""
    answer = [(family, gevent.socket.SOCK_STREAM, 6, "", where) for family, where in found]
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_args, **_kwargs: answer)


@contextmanager
def closed_port() -> Iterator[int]:
    """A port that nobody listens on, and that nobody else gets meanwhile."""
    with gevent.socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


# -- TCP --------------------------------------------------------------------------------------------------------------


def test_an_established_connection_carries_bytes() -> None:
    with serving(echo) as server:
        sink = Sink()
        transport = dial(Address("localhost", server.port), sink, 5)
        transport.write(b"hello")
        sink.wait_for(5)
        assert sink.received == b"hello"
        transport.abort()


def test_ipv6_literals_connect() -> None:
    try:
        listener = create_server(("::1", 0), family=AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        transport = dial(Address("::1", listener.getsockname()[1]), Sink(), 5)
        transport.abort()


def test_every_address_of_a_name_is_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(echo) as server, closed_port() as port:
        resolves_to(
            monkeypatch,
            (AF_INET6, ("::1", port)),
            (AF_INET, ("127.0.0.1", port)),
            (AF_INET, ("127.0.0.1", server.port)),
        )
        sink = Sink()
        transport = dial(Address("name.test", 80), sink, 5)
        transport.write(b"here")
        sink.wait_for(4)
        transport.abort()


def test_a_dead_address_leaves_time_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(be_silent) as server, full_backlog() as port:
        resolves_to(monkeypatch, (AF_INET, ("127.0.0.1", port)), (AF_INET, ("127.0.0.1", server.port)))
        transport = dial(Address("name.test", 80), Sink(), 0.4)
        transport.abort()


@contextmanager
def full_backlog() -> Iterator[int]:
    """A port whose queue of connections is full: the kernel drops what asks for another."""
    with create_server(("127.0.0.1", 0), backlog=0) as listener:
        waiting = [gevent.socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)  # noqa: FBT003 - socket's signature
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for sock in waiting:
            sock.close()


def test_a_port_that_nobody_listens_on_is_refused() -> None:
    with closed_port() as port:
        failure = failure_of(Address("127.0.0.1", port))
    assert (failure.name, failure.status, failure.ours) == ("connect: refused", None, False)


def test_a_host_that_does_not_answer_times_out_at_tcp() -> None:
    with full_backlog() as port:
        assert failure_of(Address("127.0.0.1", port), 0.1).name == "connect: timeout: TCP"


def test_out_of_descriptors_is_our_own_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        with pytest.raises(ConnectFailed) as caught:
            dial(Address("127.0.0.1", 9), Sink(), 5)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (caught.value.name, caught.value.ours) == ("connect: out of descriptors", True)


@pytest.mark.parametrize(
    ("code", "name", "ours"),
    [
        (errno.ENFILE, "connect: out of descriptors", True),  # the whole machine's
        (errno.EADDRNOTAVAIL, "connect: out of local ports", True),  # 28,000 to one target, or no IPv6 here
        (errno.ENOBUFS, "connect: out of memory", True),  # the kernel's
        (errno.EPERM, "connect: not permitted", True),  # a firewall on this machine
        (errno.EHOSTUNREACH, "connect: unreachable", False),  # no answer to ARP, or a router says so
        (errno.ENETUNREACH, "connect: unreachable", False),  # no route
        (errno.ETIMEDOUT, "connect: timeout: TCP", False),  # the kernel gave up before us
        (errno.EBADMSG, "connect: socket error", False),  # whatever else
    ],
)
def test_a_failure_of_the_socket_says_whose_it_is(code: int, name: str, ours: bool) -> None:  # noqa: FBT001 - a table
    failure = _failure(OSError(code, "text with 10.0.0.1:80"))
    assert (failure.name, failure.ours) == (name, ours)


# -- DNS --------------------------------------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise gaierror(-2, "Name or service not known")

    monkeypatch.setattr(gevent.socket, "getaddrinfo", fail)
    assert failure_of(Address("name.test", 80)).name == "connect: DNS"


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test"])  # an empty label, one of more than 63 bytes
def test_a_name_that_cannot_be_one_is_named_too(host: str) -> None:
    assert failure_of(Address(host, 80)).name == "connect: DNS"


def test_a_resolver_that_does_not_answer_times_out_at_dns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_args, **_kwargs: gevent.sleep(5))
    assert failure_of(Address("name.test", 80), 0.05).name == "connect: timeout: DNS"


# -- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def secure(port: int, certificate: Path | None, host: str = "localhost", **options: Any) -> Address:
    return Address(host, port, tls=True, ca_file=str(certificate) if certificate else None, **options)


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_client_resumes_its_tls_session_when_it_comes_again_and_another_does_not(
    certificate: Path, version: TLSVersion
) -> None:
    reused: list[bool] = []

    def greet(peer: Peer) -> None:
        reused.append(peer.sock.session_reused)
        peer.send(b"hello")
        peer.wait_closed()

    mine, other = Resumption(), Resumption()
    with serving(greet, server_context(certificate, version)) as server:
        address = Address("localhost", server.port, tls=True, ca_file=str(certificate))
        for resumption in (mine, mine, mine, other, None):
            sink = Sink()
            connection = dial(address, sink, 5.0, resumption)
            sink.wait_for(size=5)
            connection.close()
            settle(lambda connection=connection: connection.sock is None)
    assert reused == [False, True, True, False, False]


@pytest.mark.parametrize("version", [TLSVersion.TLSv1_2, TLSVersion.TLSv1_3])
def test_a_verified_tls_connection_carries_bytes_to_its_orderly_end(certificate: Path, version: TLSVersion) -> None:
    def echo_once(peer: Peer) -> None:
        got = 0
        while got < len(MESSAGE):
            data = peer.sock.recv(65536)
            got += len(data)
            peer.send(data)
        peer.sock = peer.sock.unwrap()

    with serving(echo_once, server_context(certificate, version)) as server:
        sink = Sink()
        transport = dial(secure(server.port, certificate), sink, 5)
        transport.write(MESSAGE)
        sink.wait_for(len(MESSAGE), ends=1)
        assert bytes(sink.received) == MESSAGE
        assert sink.ends == [EOF]


def test_a_close_of_ours_is_told_to_the_tls_peer(certificate: Path) -> None:
    ends: list[bytes] = []

    def script(peer: Peer) -> None:
        ends.append(peer.sock.recv(100))
        ends.append(peer.sock.recv(100))

    with serving(script, server_context(certificate)) as server:
        transport = dial(secure(server.port, certificate), Sink(), 5)
        transport.write(b"bye")
        transport.close()
        settle(lambda: len(ends) == 2)
    assert ends == [b"bye", b""]  # an unannounced end would have raised SSLEOFError


def test_bytes_that_are_no_tls_end_an_established_session(certificate: Path) -> None:
    def script(peer: Peer) -> None:
        peer.sock.recv(100)
        os.write(peer.sock.fileno(), b"\x17\x03\x03\x00\x20" + b"x" * 32)
        peer.wait_closed()

    with serving(script, server_context(certificate)) as server:
        sink = Sink()
        transport = dial(secure(server.port, certificate), sink, 5)
        transport.write(b"go")
        sink.wait_for(ends=1)
        assert sink.ends == [TLS_ERROR]


@pytest.mark.parametrize(
    ("host", "knows_it"),
    [
        ("localhost", False),  # signed by nobody we know
        ("127.0.0.1", True),  # a certificate for another name
    ],
)
def test_a_certificate_that_does_not_verify_is_named(certificate: Path, host: str, knows_it: bool) -> None:  # noqa: FBT001 - a table
    with serving(echo, server_context(certificate)) as server:
        address = secure(server.port, certificate if knows_it else None, host)
        with pytest.raises(ConnectFailed, match=r"^connect: TLS: certificate$"):
            dial(address, Sink(), 5)


def test_an_unverified_certificate_is_accepted_on_request(certificate: Path) -> None:
    with serving(echo, server_context(certificate)) as server:
        dial(secure(server.port, None, "127.0.0.1", verify=False), Sink(), 5).abort()


def speaks_plainly(peer: Peer) -> None:
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    peer.wait_closed()


def hangs_up(peer: Peer) -> None:
    peer.sock.recv(65536)


def resets(peer: Peer) -> None:
    peer.sock.recv(100)
    peer.reset()


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (speaks_plainly, "connect: TLS: handshake"),  # https to a port of http
        (hangs_up, "connect: TLS: handshake"),  # an end in mid-handshake
        (resets, "connect: connection reset"),  # a reset in mid-handshake
        (be_silent, "connect: timeout: TLS"),  # never an answer
    ],
)
def test_a_failed_tls_handshake_is_named(script: Any, name: str) -> None:
    with serving(script) as server, pytest.raises(ConnectFailed) as caught:
        dial(Address("127.0.0.1", server.port, tls=True), Sink(), 0.3)
    assert caught.value.name == name


@pytest.mark.parametrize("content", [None, "no certificate"])  # no such file; not PEM
def test_a_ca_file_that_cannot_be_used_is_our_own_fault(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with serving(be_silent) as server, pytest.raises(ConnectFailed) as caught:
        dial(secure(server.port, path), Sink(), 5)
    assert (caught.value.name, caught.value.ours) == ("connect: TLS: CA file", True)
