import gzip
import os
import socket
import subprocess
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from time import monotonic

import gevent
import pytest
from gevent.event import Event
from support.http_server import Peer, Script, answer, serving

from loadtest.http1 import Request
from loadtest.swarm.http import HttpConnection, RequestFailed


def get(target: str = "/", method: str = "GET", **parts: object) -> Request:
    return Request.build(method, target, host="test", **parts)  # type: ignore[arg-type]


def keep_answering(peer: Peer) -> None:
    while peer.read_request():
        peer.send(answer())


def descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def failure_of(connection: HttpConnection, request: Request, timeout: float | None = 5.0) -> RequestFailed:
    with pytest.raises(RequestFailed) as failed:
        connection.request(request, timeout)
    return failed.value


def test_many_requests_share_one_connection() -> None:
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        answers = [connection.request(get(f"/{i}")) for i in range(5)]
        connection.close()
        assert [a.response.body for a in answers] == [b"ok"] * 5
        assert [request.split()[1] for request in server.requests] == [b"/0", b"/1", b"/2", b"/3", b"/4"]
        assert server.connections == 1
        assert [a.connect_s is not None for a in answers] == [True, False, False, False, False]


def test_times_are_monotonic_seconds_in_order_and_connecting_comes_before_sent() -> None:
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        before = monotonic()
        first = connection.request(get())
        after = monotonic()
        connection.close()
        assert first.connect_s is not None
        assert before + first.connect_s <= first.sent <= first.done <= after


def test_done_is_taken_before_other_greenlets_run() -> None:
    """A slow user must not lengthen the times of answers that had already come."""
    ready = Event()
    arrived: list[int] = []

    def together(peer: Peer) -> None:
        peer.read_request()
        arrived.append(peer.index)
        if len(arrived) == 2:
            ready.set()
        ready.wait()
        peer.send(answer())

    def busy(connection: HttpConnection) -> float:
        done = connection.request(get()).done
        stop = monotonic() + 0.1
        while monotonic() < stop:
            pass
        return done

    with serving(together) as server:
        connections = [HttpConnection(server.url) for _ in range(2)]
        jobs = [gevent.spawn(busy, connection) for connection in connections]
        done = [job.get() for job in jobs]
        for connection in connections:
            connection.close()
    assert abs(done[0] - done[1]) < 0.05


def test_an_answer_is_done_when_the_kernel_has_it_however_late_it_is_read() -> None:
    """The hub stands still while the answer comes: that is the generator's, and no part of the service time."""
    stands_still = [0.0]

    def answer_and_block(peer: Peer) -> None:
        while peer.read_request():
            peer.send(answer())
            stop = monotonic() + stands_still[0]
            while monotonic() < stop:
                pass

    with serving(answer_and_block) as server:
        connection = HttpConnection(server.url)
        while connection.request(get()).waited is None:  # the kernel begins to stamp some time after it was asked to
            pass
        stands_still[0] = 0.3
        late = connection.request(get())
        connection.close()
    assert late.waited is not None
    assert late.waited >= 0.29
    assert late.done - late.sent < 0.25


@pytest.mark.parametrize(
    "last",
    [
        answer(b"ok", 200, "Connection: close"),  # said so
        b"HTTP/1.1 200 OK\r\n\r\nok",  # the close is the end of the body
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",  # HTTP/1.0 does not persist
    ],
)
def test_an_answer_that_ends_its_connection_is_followed_by_a_new_one(last: bytes) -> None:
    def close_after_it(peer: Peer) -> None:
        peer.read_request()
        peer.send(last)

    with serving(close_after_it) as server:
        connection = HttpConnection(server.url)
        answers = [connection.request(get(method="POST")) for _ in range(2)]
        assert not connection.connected
        assert [(a.response.body, a.retries, a.connect_s is not None) for a in answers] == [(b"ok", 0, True)] * 2


@pytest.mark.parametrize("method", ["GET", "POST"])  # nothing was sent yet, so both may go out on a new connection
def test_a_connection_closed_while_idle_is_replaced_without_a_retry(method: str) -> None:
    def one_answer(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())

    with serving(one_answer) as server:
        connection = HttpConnection(server.url)
        connection.request(get())
        while connection.connected:
            gevent.sleep(0.001)
        again = connection.request(get(method=method))
        assert (again.retries, server.connections) == (0, 2)
        connection.close()


def hang_up_on_the_second_request(peer: Peer) -> None:
    """What a server does whose idle timeout passes just when the request is under way."""
    peer.read_request()
    peer.send(answer())
    if peer.index == 0:
        peer.read_request()
    else:
        keep_answering(peer)


def reset_on_the_second_request(peer: Peer) -> None:
    peer.read_request()
    peer.send(answer())
    if peer.index == 0:
        peer.read_request()
        peer.reset()
    else:
        keep_answering(peer)


@pytest.mark.parametrize("script", [hang_up_on_the_second_request, reset_on_the_second_request])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_idempotent_request_is_sent_again_when_a_kept_connection_turns_out_closed(
    script: Script, method: str
) -> None:
    with serving(script) as server:
        connection = HttpConnection(server.url)
        connection.request(get())
        again = connection.request(get(method=method)) if method != "HEAD" else connection.request(get())
        assert (again.retries, again.response.status, server.connections) == (1, 200, 2)
        assert again.connect_s is not None
        connection.close()


@pytest.mark.parametrize(
    ("script", "name"),
    [
        (hang_up_on_the_second_request, "request: connection closed"),
        (reset_on_the_second_request, "request: connection reset"),
    ],
)
def test_a_request_that_might_have_had_its_effect_is_not_sent_again(script: Script, name: str) -> None:
    with serving(script) as server:
        connection = HttpConnection(server.url)
        connection.request(get())
        failure = failure_of(connection, get(method="POST"))
        assert (failure.name, failure.retries, server.connections) == (name, 0, 1)
        assert connection.request(get(method="POST")).response.status == 200
        connection.close()


def test_a_fresh_connection_that_the_server_closes_is_not_tried_again() -> None:
    with serving(lambda peer: peer.read_request() and None) as server:
        failure = failure_of(HttpConnection(server.url), get())
        assert (failure.name, failure.retries, server.connections) == ("request: connection closed", 0, 1)
        assert failure.connect_s is not None
        assert failure.sent <= failure.done


def test_a_request_is_retried_only_once() -> None:
    def answer_the_first_ever(peer: Peer) -> None:
        peer.read_request()
        if peer.index == 0:
            peer.send(answer())
            peer.read_request()

    with serving(answer_the_first_ever) as server:
        connection = HttpConnection(server.url)
        connection.request(get())
        failure = failure_of(connection, get())
        assert (failure.name, failure.retries, server.connections) == ("request: connection closed", 1, 2)


BAD_ENDS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "close", "response: truncated"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "close", "response: truncated"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "reset", "request: connection reset"),
    (b"", "reset", "request: connection reset"),
    (b"", "close", "request: connection closed"),
    (b"SSH-2.0-OpenSSH\r\n", "hang", "response: not HTTP/1.x"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nabc", "hang", "response: unsolicited data"),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "hang", "response: upgrade not asked for"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, "hang", "response: headers too large"),
    (b"", "hang", "request: timeout"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "hang", "request: timeout"),
]


@pytest.mark.parametrize(("sent", "then", "name"), BAD_ENDS)
def test_each_bad_end_has_a_name_and_leaves_nothing_behind(sent: bytes, then: str, name: str) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(sent)
        if then == "reset":
            gevent.sleep(0.05)  # or the bytes before the reset would be lost with it
            peer.reset()
        elif then == "hang":
            peer.wait_closed()

    with serving(script) as server:
        before = descriptors()
        connection = HttpConnection(server.url, timeout=0.3 if name == "request: timeout" else 5.0)
        failure = failure_of(connection, get(), None)
        assert (failure.name, str(failure), failure.unreachable) == (name, name, False)
        assert not connection.connected
        server.wait_until_closed()
        assert descriptors() <= before


def test_a_timeout_is_for_the_whole_answer_not_for_each_byte() -> None:
    def trickle(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            peer.send(b"x")
            gevent.sleep(0.02)

    with serving(trickle) as server:
        failure = failure_of(HttpConnection(server.url), get(), 0.2)
        assert failure.name == "request: timeout"
        assert 0.19 < failure.done - failure.sent < 1.0


def test_a_shorter_timeout_counts_though_a_longer_one_was_set_before() -> None:
    def once(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.wait_closed()

    with serving(once) as server:
        connection = HttpConnection(server.url, timeout=60.0)
        connection.request(get())
        failure = failure_of(connection, get(), 0.1)
        assert (failure.name, failure.done - failure.sent < 5.0) == ("request: timeout", True)


def test_a_longer_timeout_counts_though_a_shorter_one_was_set_before() -> None:
    def slower_each_time(peer: Peer) -> None:
        delay = 0.0
        while peer.read_request():
            gevent.sleep(delay)
            peer.send(answer())
            delay += 0.25

    with serving(slower_each_time) as server:
        connection = HttpConnection(server.url)
        connection.request(get(), 0.1)
        assert connection.request(get(), 5.0).response.status == 200
        connection.close()


def test_slow_pieces_make_one_answer() -> None:
    whole = answer(b"hello world")

    def byte_by_byte(peer: Peer) -> None:
        peer.read_request()
        for i in range(len(whole)):
            peer.send(whole[i : i + 1])
            gevent.sleep(0)
        peer.wait_closed()

    with serving(byte_by_byte) as server:
        connection = HttpConnection(server.url)
        assert connection.request(get()).response.body == b"hello world"
        connection.close()


@pytest.mark.parametrize(
    ("method", "sent", "status", "body"),
    [
        ("GET", b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + answer(b"final"), 200, b"final"),
        ("GET", answer(gzip.compress(b"quotes"), 200, "Content-Encoding: gzip"), 200, b"quotes"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n", 200, b""),
        ("GET", answer(b"oops", 503), 503, b"oops"),  # an answer like any other; judging it is the caller's
        ("GET", answer(b"x" * 3_000_000), 200, b"x" * 3_000_000),  # more than any buffer holds
        ("GET", answer(b"", 302, "Location: /elsewhere"), 302, b""),  # not followed
    ],
)
def test_answers_of_every_kind_come_whole_and_leave_the_connection_usable(
    method: str, sent: bytes, status: int, body: bytes
) -> None:
    def script(peer: Peer) -> None:
        while peer.read_request():
            peer.send(sent)

    with serving(script) as server:
        connection = HttpConnection(server.url)
        for _ in range(2):
            response = connection.request(get(method=method)).response
            assert (response.status, response.body) == (status, body)
        assert server.connections == 1
        connection.close()


def test_a_body_larger_than_the_socket_buffers_is_sent_whole() -> None:
    body = os.urandom(5_000_000)
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        assert connection.request(get(method="POST", body=body)).response.status == 200
        assert server.requests[0].endswith(body)
        connection.close()


def test_a_connection_whose_answer_came_before_the_request_was_out_is_not_used_again() -> None:
    def refuse_early(peer: Peer) -> None:
        peer.sock.recv(100)
        peer.send(answer(b"too large", 413))
        if peer.index == 0:
            gevent.sleep(5)

    with serving(refuse_early) as server:
        connection = HttpConnection(server.url)
        first = connection.request(get(method="POST", body=bytes(20_000_000)))
        second = connection.request(get(method="POST"))
        assert (first.response.status, second.connect_s is not None, server.connections) == (413, True, 2)
        connection.close()


def test_a_server_that_half_closes_after_its_answer_is_heard() -> None:
    def answer_and_half_close(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        peer.half_close()
        peer.wait_closed()

    with serving(answer_and_half_close) as server:
        connection = HttpConnection(server.url)
        for _ in range(2):
            assert connection.request(get(method="PUT")).response.body == b"ok"
        connection.close()
        server.wait_until_closed()


def test_data_nobody_asked_for_ends_an_idle_connection_and_is_counted() -> None:
    def chatty(peer: Peer) -> None:
        peer.read_request()
        peer.send(answer())
        if peer.index == 0:
            gevent.sleep(0.02)  # not with the answer, which would then be the violation
            peer.send(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        peer.wait_closed()

    with serving(chatty) as server:
        connection = HttpConnection(server.url)
        connection.request(get())
        while connection.connected:
            gevent.sleep(0.001)
        again = connection.request(get(method="POST"))
        assert (again.response.status, again.retries, connection.unsolicited) == (200, 0, 1)
        connection.close()


def test_a_killed_greenlet_leaves_no_descriptor_and_its_connection_is_not_used_again() -> None:
    asked = Event()

    def never(peer: Peer) -> None:
        peer.read_request()
        if peer.index == 0:
            asked.set()
            peer.wait_closed()
        else:
            peer.send(answer(b"mine"))
            peer.wait_closed()

    with serving(never) as server:
        before = descriptors()
        connection = HttpConnection(server.url)
        job = gevent.spawn(connection.request, get())
        assert asked.wait(5)
        job.kill()
        assert not connection.connected
        server.wait_until_closed()
        assert descriptors() <= before
        assert connection.request(get()).response.body == b"mine"
        connection.close()


def test_a_greenlet_killed_in_the_same_turn_as_its_answer_does_not_leave_the_connection_in_use() -> None:
    with serving(keep_answering) as server:
        connection = HttpConnection(server.url)
        job = gevent.spawn(connection.request, get())
        while not server.requests:
            gevent.sleep(0)
        job.kill(block=False)
        gevent.joinall([job])
        assert connection.request(get()).response.body == b"ok"
        connection.close()


def test_closing_ends_a_request_in_flight() -> None:
    with serving(lambda peer: peer.wait_closed()) as server:
        connection = HttpConnection(server.url)
        job = gevent.spawn(failure_of, connection, get())
        while not connection.connected:
            gevent.sleep(0)
        connection.close()
        assert job.get(timeout=5).name == "request: closed by us"
        server.wait_until_closed()


def test_closing_ends_a_request_that_is_still_connecting() -> None:
    with serving(lambda peer: peer.wait_closed()) as server:
        connection = HttpConnection(server.url)
        job = gevent.spawn(failure_of, connection, get())
        gevent.sleep(0)
        connection.close()
        assert job.get(timeout=5).name == "request: closed by us"
        assert not connection.connected
        server.wait_until_closed()


def test_a_second_request_at_the_same_time_is_a_mistake() -> None:
    with serving(lambda peer: peer.wait_closed()) as server:
        connection = HttpConnection(server.url)
        job = gevent.spawn(failure_of, connection, get())
        gevent.sleep(0)
        with pytest.raises(RuntimeError, match="one request at a time"):
            connection.request(get())
        connection.close()
        job.get(timeout=5)


def test_a_refused_connection_is_named_and_counts_as_unreachable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        failure = failure_of(HttpConnection(f"http://127.0.0.1:{closed.getsockname()[1]}"), get())
    assert (failure.name, failure.unreachable, failure.ours) == ("connect: refused", True, False)


def test_connecting_ends_with_its_own_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.settimeout(0)
            filler.connect_ex(address)
        connection = HttpConnection(f"http://127.0.0.1:{address[1]}", timeout=60.0, connect_timeout=0.2)
        failure = failure_of(connection, get(), None)
        assert (failure.name, failure.unreachable) == ("connect: timeout: TCP", True)
        for filler in fillers:
            filler.close()


def test_a_name_that_does_not_resolve_is_named() -> None:
    assert failure_of(HttpConnection("http://nowhere.invalid"), get()).name == "connect: DNS"


@pytest.mark.parametrize("target", ["ftp://h", "http://", "h:80", "/path"])
def test_a_target_that_is_no_http_url_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="http://host:port"):
        HttpConnection(target)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for `localhost`, its key in the same file."""
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    request = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    made = subprocess.run(["openssl", *request.split(), "-keyout", "-", "-out", "-"], check=True, capture_output=True)
    path.write_bytes(made.stdout)
    return path


def tls(certificate: Path) -> SSLContext:
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_https_is_verified_against_a_given_authority(certificate: Path) -> None:
    with serving(keep_answering, tls(certificate)) as server:
        connection = HttpConnection(f"https://localhost:{server.port}", ca_file=str(certificate))
        assert [connection.request(get()).response.body for _ in range(2)] == [b"ok"] * 2
        assert server.connections == 1
        connection.close()


@pytest.mark.parametrize(
    ("host", "knows_it"),
    [
        ("localhost", False),  # signed by nobody we know
        ("127.0.0.1", True),  # a certificate for another name
    ],
)
def test_a_certificate_that_does_not_verify_is_named(certificate: Path, host: str, *, knows_it: bool) -> None:
    with serving(keep_answering, tls(certificate)) as server:
        connection = HttpConnection(f"https://{host}:{server.port}", ca_file=str(certificate) if knows_it else None)
        failure = failure_of(connection, get())
        assert (failure.name, failure.unreachable) == ("connect: TLS: certificate", True)


def test_an_unverified_certificate_is_accepted_on_request(certificate: Path) -> None:
    with serving(keep_answering, tls(certificate)) as server:
        connection = HttpConnection(f"https://127.0.0.1:{server.port}", verify=False)
        assert connection.request(get()).response.body == b"ok"
        connection.close()
