"""swarm/full_client.py and full_http.py: redirects, cookies, uploads; surface and names as those of the light one."""

import gzip
import json
import zlib
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser

import gevent
import pytest
from support.http_server import Peer, ScriptedServer, answer, serving

from loadtest.profiles import RestGroup, Target
from loadtest.swarm.full_client import FullClient
from loadtest.swarm.full_http import FullConnection, FullRequest
from loadtest.swarm.http import RequestFailed
from loadtest.swarm.http_client import Client, Outcome
from loadtest.swarm.sending import connection_to, request_to

CANNED = {
    "/login": answer(b"", 302, "Location: /home", "Set-Cookie: session=s1; Path=/"),
    "/loop": answer(b"", 302, "Location: /loop"),
    "/ftp": answer(b"", 302, "Location: ftp://example.test/"),
    "/gzip": answer(gzip.compress(b"packed"), 200, "Content-Encoding: gzip"),
    "/truncated": answer(gzip.compress(b"packed")[:-4], 200, "Content-Encoding: gzip"),
    "/garbage": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "/h": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n",
}


def by_path(peer: Peer) -> None:
    """Answers by CANNED, else with what was asked, under the status that the path begins with, if it does."""
    while request := peer.read_request():
        head, _, body = request.partition(b"\r\n\r\n")
        method, path = head.decode("latin-1").split(" ")[:2]
        if path == "/close":
            return
        if path == "/never":
            gevent.sleep(60)
        told = {"method": method, "path": path, "head": head.decode("latin-1"), "body": body.decode("latin-1")}
        status = int(path[1:4]) if path[1:4].isdigit() else 200
        echo = answer(json.dumps(told).encode(), status, "Content-Type: application/json", "X-A: 1")
        peer.send(CANNED.get(path, echo))
        if path == "/garbage":
            return


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(by_path) as scripted:
        yield scripted


@pytest.fixture
def outcomes() -> list[Outcome]:
    return []


@pytest.fixture(params=[Client, FullClient], ids=["light", "full"])
def either(request: pytest.FixtureRequest, server: ScriptedServer, outcomes: list[Outcome]) -> Iterator[Client]:
    client: Client = request.param(server.url, outcomes.append)
    yield client
    client.close()


@pytest.fixture
def full(server: ScriptedServer, outcomes: list[Outcome]) -> Iterator[FullClient]:
    client = FullClient(server.url, outcomes.append)
    yield client
    client.close()


def test_both_clients_send_and_answer_alike(either: Client, outcomes: list[Outcome]) -> None:
    got = either.get("/a b?limit=1", name="alerts", headers={"X-B": "2"}, params={"q": "ü"})
    assert (got.status_code, got.ok, got.headers["x-a"], got.json()["path"]) == (
        200,
        True,
        "1",
        "/a%20b?limit=1&q=%C3%BC",
    )
    assert "X-B: 2" in got.json()["head"].replace("x-b", "X-B")
    assert "accept-encoding" not in got.json()["head"].lower()  # gzip is for the profile to ask for, brotli for nobody
    posted = either.post("/p", json={"a": 1}).json()
    assert (posted["method"], posted["body"]) == ("POST", '{"a":1}')
    assert "content-type: application/json" in posted["head"].lower()
    assert either.put("/p", data={"x": "1 2"}).json()["body"] == "x=1+2"
    assert either.head("/h").content == b""
    assert [(o.method, o.name, o.error) for o in outcomes] == [
        ("GET", "alerts", None),
        ("POST", "/p", None),
        ("PUT", "/p", None),
        ("HEAD", "/h", None),
    ]
    assert all(o.due <= o.sent <= o.done for o in outcomes)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/404", 404, "response: HTTP 404"),
        ("/503", 503, "response: HTTP 503"),
        ("/never", 0, "request: timeout"),
        ("/truncated", 0, "response: bad content-encoding"),
    ],
)
def test_both_clients_name_failures_alike(
    either: Client, outcomes: list[Outcome], path: str, status: int, error: str
) -> None:
    response = either.get(path, timeout=0.3 if path == "/never" else 10)
    assert (response.status_code, outcomes[-1].error) == (status, error)
    assert either.get("/after").ok


def test_both_clients_report_at_the_end_of_a_with_block(either: Client, outcomes: list[Outcome]) -> None:
    with either.get("/404", catch_response=True) as response:
        response.success()
    with either.get("/x", catch_response=True) as response:
        response.failure("not what I wanted")
    assert [o.error for o in outcomes] == [None, "not what I wanted"]


@pytest.mark.parametrize("kind", [Client, FullClient])
def test_both_clients_say_that_nobody_is_there(kind: type[Client], outcomes: list[Outcome]) -> None:
    with serving(by_path) as gone:
        url = gone.url
    assert kind(url, outcomes.append).get("/x").status_code == 0
    assert outcomes[-1].error == "connect: refused"


def test_both_clients_unpack_what_is_packed(either: Client) -> None:
    assert either.get("/gzip").content == b"packed"


def test_a_redirect_is_followed_and_its_cookie_sent(full: FullClient, server: ScriptedServer) -> None:
    told = full.post("/login", data={"user": "u"}).json()
    assert (told["method"], told["path"], told["body"]) == ("GET", "/home", "")
    assert "cookie: session=s1" in told["head"].lower()
    assert "cookie: session=s1" in full.get("/later").json()["head"].lower()
    assert len(server.requests) == 3


def test_users_do_not_share_cookies(full: FullClient, server: ScriptedServer) -> None:
    full.get("/login")
    other = FullClient(server.url, lambda _: None)
    assert "cookie" not in other.get("/x").json()["head"].lower()
    other.close()


def test_files_are_sent_as_a_form_beside_its_other_fields(full: FullClient) -> None:
    told = full.post("/up", data={"title": "t"}, files={"photo": ("a.png", b"\x89PNG", "image/png")}).json()
    parts = form_of(told["head"], told["body"])
    assert {part.get_param("name", header="content-disposition"): part.get_payload(decode=True) for part in parts} == {
        "title": b"t",
        "photo": b"\x89PNG",
    }
    assert (parts[-1].get_filename(), parts[-1].get_content_type()) == ("a.png", "image/png")


def form_of(head: str, body: str) -> list[Message]:
    fields = dict(line.split(": ", 1) for line in head.lower().split("\r\n")[1:])
    original = next(line for line in head.split("\r\n") if line.lower().startswith("content-type"))
    assert fields["content-length"] == str(len(body))
    whole = BytesParser().parsebytes(f"{original}\r\n\r\n{body}".encode("latin-1"))
    return [part for part in whole.walk() if not part.is_multipart()]


def test_the_light_client_says_what_files_need(server: ScriptedServer) -> None:
    with pytest.raises(ValueError, match="full_client = True"):
        Client(server.url, lambda _: None).post("/up", files={"a": ("a", b"", "text/plain")})
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/loop", "response: too many redirects"),
        ("/ftp", "response: bad redirect"),
        ("/close", "request: closed by the server"),
        ("/garbage", "response: malformed"),
    ],
)
def test_what_goes_wrong_has_a_stable_name(full: FullClient, outcomes: list[Outcome], path: str, error: str) -> None:
    assert full.get(path).status_code == 0
    assert outcomes[-1].error == error
    assert full.get("/after").ok


def test_an_answer_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtest.swarm.full_http.MAX_BODY", 1000)
    bomb = zlib.compress(bytes(100_000))

    def explode(peer: Peer) -> None:
        while peer.read_request():
            peer.send(answer(bomb, 200, "Content-Encoding: deflate"))

    with serving(explode) as server:
        connection = FullConnection(server.url)
        with pytest.raises(RequestFailed, match="response: body too large"):
            connection.request(FullRequest("GET", "/"))
        connection.close()


def test_a_timeout_of_somebody_else_is_not_ours(server: ScriptedServer) -> None:
    connection = FullConnection(server.url)
    with pytest.raises(gevent.Timeout) as rang, gevent.Timeout(0.2) as theirs:
        connection.request(FullRequest("GET", "/never"))
    assert rang.value is theirs


def test_a_profile_sends_what_it_says(server: ScriptedServer) -> None:
    target = Target.model_validate({"url": server.url, "headers": {"Authorization": "Bearer t0"}})
    group = RestGroup.model_validate(
        {
            "client": "full",
            "pace": {"every": "1s"},
            "requests": [
                {"post": "/a", "json": {"a": [1, 2]}},
                {"post": "/b", "form": {"a": "1", "b": "x y"}},
                {
                    "post": "/c",
                    "form": {"a": "1"},
                    "files": {"f": {"text": "hé", "filename": "f.txt", "type": "text/plain"}},
                },
            ],
        }
    )
    light = group.model_copy(update={"client": "light"})
    for kind in (group, light):
        connection = connection_to(server.url, target, kind)
        for spec in kind.requests[: 3 if kind is group else 2]:
            assert connection.request(request_to(server.url, target, kind, spec)).response.status == 200  # type: ignore[arg-type]
        connection.close()
    bodies = [request.partition(b"\r\n\r\n")[2] for request in server.requests]
    assert bodies[0] == bodies[3] == b'{"a":[1,2]}'
    assert bodies[1] == bodies[4] == b"a=1&b=x+y"
    assert b'filename="f.txt"' in bodies[2]
    assert "hé".encode() in bodies[2]
    assert all(
        b"authorization: Bearer t0" in request.replace(b"Authorization", b"authorization")
        for request in server.requests
    )
