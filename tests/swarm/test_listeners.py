"""swarm/requests.py: whoever listens to Locust's request event hears of every request, and costs nothing till then."""

from collections.abc import Iterator
from typing import Any

from locust.env import Environment
from locust.exception import ResponseError

import gevent
import pytest
from support.http_server import Peer, ScriptedServer, answer, serving

from loadtest.clock import SystemClock
from loadtest.profiles import RestGroup, Target
from loadtest.swarm.cluster.messages import Begin
from loadtest.swarm.cluster.worker import WorkerSession
from loadtest.swarm.http import RequestFailed
from loadtest.swarm.pollers import Pollers
from loadtest.swarm.requests import OURS, RequestLog


class NoLink:
    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Nobody hears it."""


def by_path(peer: Peer) -> None:
    while request := peer.read_request():
        if b"/gone" in request.partition(b"\r\n")[0]:
            return
        peer.send(answer(b"hello", 503 if b"/503" in request.partition(b"\r\n")[0] else 200))


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(by_path) as scripted:
        yield scripted


@pytest.fixture
def environment() -> Environment:
    return Environment()


def pollers_of(environment: Environment, url: str, path: str) -> Pollers:
    session = WorkerSession(NoLink(), SystemClock(), "w", {})
    session.begin(Begin("r", 0.0, [url]))
    gevent.kill(session._ticker)
    group = RestGroup.model_validate({"pace": {"pause": "0s"}, "requests": [{"get": path}]})
    pollers = Pollers(session, "traders", group, Target.model_validate({"url": url}))
    pollers.log = RequestLog(environment, session.recorder)
    pollers.begin([url], 1)
    return pollers


@pytest.mark.parametrize(
    ("path", "status", "length", "problem"),
    [
        ("/x?limit=1", 200, 5, None),
        ("/503", 503, 5, ResponseError),  # the check failed
        ("/gone", 0, 0, RequestFailed),  # no answer
    ],
)
def test_a_listener_hears_of_each_request_of_a_profile(
    environment: Environment, server: ScriptedServer, path: str, status: int, length: int, problem: type | None
) -> None:
    heard: list[dict[str, Any]] = []
    pollers = pollers_of(environment, server.url, path)
    environment.events.request.add_listener(lambda **event: heard.append(event))
    poller = pollers.poller()
    poller.poll()
    poller.close()
    (event,) = heard
    assert (event["request_type"], event["name"], event["url"]) == ("GET", path.partition("?")[0], server.url + path)
    assert (event["response"].status_code, event["response_length"]) == (status, length)
    assert event["exception"] is None if problem is None else type(event["exception"]) is problem
    assert event["context"] == {"group": "traders", OURS: True}
    assert event["response_time"] > 0
    assert pollers.tally.requests == len(server.requests) == 1  # and is counted once


def test_what_a_listener_raises_is_its_own_affair(environment: Environment, server: ScriptedServer) -> None:
    pollers = pollers_of(environment, server.url, "/x")

    def broken(**_: Any) -> None:
        raise ValueError("mine")

    environment.events.request.add_listener(broken)
    poller = pollers.poller()
    poller.poll()
    poller.poll()
    poller.close()
    assert (pollers.tally.requests, pollers.tally.requests_failed) == (2, 0)


def test_without_a_listener_no_event_is_made(
    environment: Environment, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pollers = pollers_of(environment, server.url, "/x")
    monkeypatch.setattr(environment.events.request, "fire", lambda **_: pytest.fail("an event was fired"))
    poller = pollers.poller()
    poller.poll()
    poller.close()
    assert pollers.tally.requests == 1
