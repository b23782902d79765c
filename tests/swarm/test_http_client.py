import json
from collections.abc import Iterator
from typing import Any

from locust.exception import CatchResponseError, LocustError, RescheduleTask, ResponseError

import gevent
import pytest
from support.http_server import Peer, ScriptedServer, answer, serving

from loadtest.swarm.http_client import Client, Outcome


def by_path(peer: Peer) -> None:
    """`/404` is answered with that status, `/close` not at all, everything else with what was asked."""
    while request := peer.read_request():
        path = request.split()[1].decode()
        if path == "/close":
            return
        status = int(path[1:4]) if path[1:4].isdigit() else 200
        peer.send(answer(json.dumps({"path": path}).encode(), status, "Content-Type: application/json", "X-A: 1"))


class Log:
    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @property
    def last(self) -> Outcome:
        return self.outcomes[-1]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(by_path) as serving_by_path:
        yield serving_by_path


@pytest.fixture
def client(server: ScriptedServer, log: Log) -> Iterator[Client]:
    client = Client(server.url, log)
    yield client
    client.close()


def test_a_request_is_reported_once_with_what_is_needed_to_count_it(client: Client, log: Log) -> None:
    response = client.get("/api?limit=1", name="alerts", context={"who": "me"})
    assert [o.response for o in log.outcomes] == [response]
    outcome = log.last
    assert (outcome.method, outcome.name, outcome.status, outcome.error) == ("GET", "alerts", 200, None)
    assert outcome.length == len(response.content) == len(b'{"path": "/api?limit=1"}')
    assert (outcome.context, outcome.exception, outcome.retries) == ({"who": "me"}, None, 0)
    assert outcome.due <= outcome.sent <= outcome.done
    assert outcome.url == response.url == client.base_url + "/api?limit=1"


def test_without_a_name_it_is_counted_under_the_path_as_written(client: Client, log: Log) -> None:
    client.get("/api", params={"limit": 1})
    assert log.last.name == "/api"


def test_a_response_reads_like_that_of_locust(client: Client) -> None:
    response = client.get("/x")
    assert (response.status_code, response.ok, response.error) == (200, True, None)
    assert response.json() == {"path": "/x"}
    assert response.text == response.content.decode()
    assert response.headers["content-TYPE"] == "application/json"
    assert response.headers.get("x-b") is None
    assert 0 < response.elapsed.total_seconds() < 5
    response.raise_for_status()


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/200", 200, None),
        ("/302", 302, None),  # not followed, and no failure
        ("/400", 400, "response: HTTP 400"),
        ("/503", 503, "response: HTTP 503"),
        ("/close", 0, "request: connection closed"),  # no answer at all
    ],
)
def test_success_is_a_status_below_400(client: Client, log: Log, path: str, status: int, error: str | None) -> None:
    response = client.get(path)
    assert (response.status_code, response.ok, log.last.status, log.last.error) == (status, not error, status, error)
    assert log.last.exception is response.error
    if error is not None:
        with pytest.raises(Exception, match=error):
            response.raise_for_status()


def test_a_request_without_an_answer_gives_an_empty_response(client: Client) -> None:
    response = client.get("/close")
    assert (response.content, response.text, dict(response.headers)) == (b"", "", {})
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()


def test_a_caught_response_is_reported_at_the_end_of_its_block_and_not_before(client: Client, log: Log) -> None:
    with client.get("/404", catch_response=True) as response:
        assert response.status_code == 404
        assert log.outcomes == []
    assert log.last.error == "response: HTTP 404"
    assert len(log.outcomes) == 1


def test_success_said_in_the_block_overrules_the_status(client: Client, log: Log) -> None:
    with client.get("/404", catch_response=True) as response:
        response.success()
    assert (log.last.error, log.last.exception, log.last.status) == (None, None, 404)


def test_failure_said_in_the_block_overrules_the_status(client: Client, log: Log) -> None:
    with client.get("/200", catch_response=True) as response:
        response.failure("no quotes")
    assert log.last.error == "no quotes"
    assert isinstance(log.last.exception, CatchResponseError)


def test_the_last_word_in_the_block_counts(client: Client, log: Log) -> None:
    with client.get("/200", catch_response=True) as response:
        response.failure("no quotes")
        response.success()
    assert log.last.error is None


def test_an_exception_given_as_failure_is_kept(client: Client, log: Log) -> None:
    reason = KeyError("quotes")
    with client.get("/200", catch_response=True) as response:
        response.failure(reason)
    assert (log.last.exception, log.last.error) == (reason, "'quotes'")


def test_a_response_error_raised_in_the_block_is_the_failure(client: Client, log: Log) -> None:
    with client.get("/200", catch_response=True):
        raise ResponseError("no quotes")
    assert log.last.error == "no quotes"


@pytest.mark.parametrize("error", [RescheduleTask, ZeroDivisionError])
def test_any_other_exception_goes_on_but_the_request_is_still_counted(
    client: Client, log: Log, error: type[Exception]
) -> None:
    with pytest.raises(error), client.get("/200", catch_response=True):
        raise error
    assert [(o.status, o.error) for o in log.outcomes] == [(200, None)]


def test_a_with_block_needs_catch_response(client: Client) -> None:
    with pytest.raises(LocustError, match="catch_response=True"), client.get("/200"):
        pass
    with pytest.raises(LocustError, match="catch_response=True"):
        client.get("/200").failure("too late")


@pytest.mark.parametrize(
    ("arguments", "type_", "body"),
    [
        ({"json": {"a": 1}}, b"application/json", b'{"a":1}'),
        ({"data": {"a": "1 2"}}, b"application/x-www-form-urlencoded", b"a=1+2"),
        ({"data": "día"}, b"", "día".encode()),
        ({"data": b"\x00"}, b"", b"\x00"),
        ({"data": "x", "json": 1}, b"", b"x"),  # data wins, as in Locust
        ({"json": {}, "headers": {"content-type": "application/x"}}, b"application/x", b"{}"),
    ],
)
def test_bodies_are_written_as_locust_writes_them(
    client: Client, server: ScriptedServer, arguments: dict[str, Any], type_: bytes, body: bytes
) -> None:
    client.post("/x", **arguments)
    head, _, sent = server.requests[0].partition(b"\r\n\r\n")
    types = [line.split(b": ")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-type")]
    assert (types, sent) == ([type_] if type_ else [], body)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_every_method_has_a_function(server: ScriptedServer, log: Log, method: str) -> None:
    client = Client(server.url, log)
    getattr(client, method)("/x")
    assert server.requests[0].split()[0] == log.last.method.encode() == method.upper().encode()
    client.close()


@pytest.mark.parametrize(
    ("base", "path", "target"),
    [
        ("", "/x", b"/x"),
        ("/", "/x", b"/x"),
        ("/prefix/", "/x", b"/prefix/x"),  # put behind the base, as Locust does
        ("/prefix", "{origin}/x", b"/x"),  # an absolute URL is as it is
        ("", "{origin}", b"/"),
        ("", "{origin}?a=b", b"/?a=b"),
    ],
)
def test_a_path_is_put_behind_the_base_url(
    server: ScriptedServer, log: Log, base: str, path: str, target: bytes
) -> None:
    client = Client(server.url + base, log)
    client.get(path.format(origin=server.url))
    assert server.requests[0].split()[1] == target
    client.close()


def test_params_become_the_query(client: Client, server: ScriptedServer) -> None:
    client.get("/x?a=1", params={"b": "ö", "c": [1, 2]})
    assert server.requests[0].split()[1] == b"/x?a=1&b=%C3%B6&c=1&c=2"


@pytest.mark.parametrize("url", ["http://elsewhere/x", "https://127.0.0.1/x", "x"])
def test_another_host_or_no_path_is_refused_before_anything_is_sent(client: Client, log: Log, url: str) -> None:
    with pytest.raises(ValueError, match=r"not this user's host|starts with a slash"):
        client.get(url)
    assert log.outcomes == []


def test_headers_of_the_client_and_of_the_request_are_merged_whatever_their_case(
    server: ScriptedServer, log: Log
) -> None:
    client = Client(server.url, log, headers={"Authorization": "a", "X-B": "b"})
    client.get("/x", headers={"authorization": "c"})
    client.get("/x")
    fields = [sorted(request.split(b"\r\n")[1:-2]) for request in server.requests]
    host = b"Host: " + server.url.removeprefix("http://").encode()
    assert fields == [[host, b"X-B: b", b"authorization: c"], [b"Authorization: a", host, b"X-B: b"]]
    client.close()


def test_greenlets_may_share_a_client(server: ScriptedServer, log: Log) -> None:
    client = Client(server.url, log)
    jobs = [gevent.spawn(client.get, f"/g{i}") for i in range(3)]
    assert [job.get(timeout=5).json()["path"] for job in jobs] == ["/g0", "/g1", "/g2"]
    client.get("/g4")
    assert server.connections == 3
    client.close()
    server.wait_until_closed()


def test_a_timeout_is_a_failure_with_a_name(log: Log) -> None:
    with serving(lambda peer: peer.wait_closed()) as server:
        response = Client(server.url, log).get("/", timeout=0.1)
        assert (response.status_code, log.last.error) == (0, "request: timeout")


def test_many_different_paths_do_not_grow_the_client(client: Client) -> None:
    for i in range(600):
        client.get(f"/x{i}")
    assert len(client._built) <= 256
